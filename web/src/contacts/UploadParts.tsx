// What pages about uploads share.
import { Alert, Group, Progress, Stack, Text } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { useFormat } from "@/ui/format";

type Upload = Schema<"Upload">;

const lookEvery = 500; // ms

/** Reports whether an upload is over. */
export const over = (u: Upload) => u.state === "finished" || u.state === "failed";

/** An upload as it is now: it is looked at until it is over. */
export function useProgress(begun: Upload | undefined): Upload | undefined {
  const read = api.useQuery(
    "get",
    "/v1/uploads/{id}",
    { params: { path: { id: begun?.id ?? 0 } } },
    {
      enabled: begun !== undefined,
      staleTime: 0,
      refetchInterval: ({ state }) => (state.data && over(state.data) ? false : lookEvery),
    },
  );
  // What it has changed is read anew, once.
  const taken = begun !== undefined && read.data !== undefined && over(read.data) && !read.data.dry_run;
  useEffect(() => {
    if (taken) void refresh("/v1/contacts", "/v1/groups", "/v1/labels", "/v1/targeting", "/v1/uploads");
  }, [taken]);
  return begun && (read.data ?? begun);
}

export function Bar({ upload, words }: { upload: Upload; words: string }) {
  const format = useFormat();
  const share = upload.size > 0 ? upload.bytes_read / upload.size : 0;
  return (
    <Stack gap={4} role="status">
      <Text size="sm">
        {words} {format.number(upload.records)} · {format.percent(share)}
      </Text>
      <Progress value={share * 100} aria-label={words} animated />
    </Stack>
  );
}

/** What became of the lines. */
export function Counts({ upload }: { upload: Upload }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <Text>
      {t("import.counts", {
        created: format.number(upload.created),
        updated: format.number(upload.updated),
        refused: format.number(upload.refused),
        duplicates: format.number(upload.duplicates),
      })}
    </Text>
  );
}

/** What is wrong in a file, by column and reason. */
export function Faults({ upload, actions }: { upload: Upload; actions?: (fault: Schema<"UploadFault">) => ReactNode }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <>
      {(upload.faults ?? []).map((fault) => (
        <Alert key={`${fault.code}-${fault.column ?? ""}`} color="orange" p="xs">
          <Group justify="space-between">
            <Text size="sm">
              {fault.column ? `${fault.column}: ` : ""}
              {fault.reason} ({t("import.faults", { refused: format.number(fault.refused), left: format.number(fault.left_out) })})
            </Text>
            {actions?.(fault)}
          </Group>
        </Alert>
      ))}
    </>
  );
}
