import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useFormat } from "@/ui/format";

import { Choose } from "./Library";
import { takes } from "./takes";

interface Props {
  /** One that was uploaded, or one by its address. */
  file: { media_id?: number; url?: string; filename?: string } | undefined;
  /** What the channel's provider takes, where a channel is known. */
  can?: Schema<"Capabilities"> | undefined;
  address?: string;
  error?: string | undefined;
  chosen: (file: Schema<"MediaFile">) => void;
  write: (url: string) => void;
  drop: () => void;
}

/** A file that goes along: chosen of those that were uploaded, uploaded now, or one that lies elsewhere. */
export function FileFields({ file, can, address = "", error, chosen, write, drop }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const id = file?.media_id ?? 0;
  const kept = api.useQuery("get", "/v1/media/{id}", { params: { path: { id } } }, { enabled: id > 0 });
  const limits = can ? takes(can, address) : [];
  return (
    <Stack gap="xs">
      {id > 0 ? (
        <TextInput label={t("files.uploaded")} readOnly value={kept.data?.name ?? file?.filename ?? ""} error={error ?? (kept.error ? t("files.gone") : undefined)} />
      ) : (
        <TextInput
          label={t("mail.src")}
          placeholder="https://"
          value={file?.url ?? ""}
          error={error}
          onChange={(e) => (e.currentTarget.value === "" ? drop() : write(e.currentTarget.value))}
        />
      )}
      <Group gap="xs">
        <Choose
          label={t("files.chooseOrUpload")}
          hint={limits.length > 0 && t("files.takes", { list: limits.map(({ sort, bytes }) => t(`files.atMost.${sort}`, { size: format.bytes(bytes) })).join(", ") })}
          done={chosen}
        />
        {file && (
          <Button variant="default" onClick={drop}>
            {t("content.dropFile")}
          </Button>
        )}
      </Group>
    </Stack>
  );
}
