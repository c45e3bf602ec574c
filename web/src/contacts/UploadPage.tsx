import { Alert, Button, Group, List, Loader, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { ButtonLink } from "@/ui/links";
import { pageSize } from "@/ui/long";
import { LongRows } from "@/ui/LongRows";
import { Page } from "@/ui/Page";
import { Part } from "@/ui/Part";
import { When } from "@/ui/When";

import { cells } from "./csv";
import { useContactColumns } from "./Selectable";
import { UploadBadge } from "./Uploads";
import { Bar, Counts, Faults, over, useProgress } from "./UploadParts";

type Upload = Schema<"Upload">;

const shownLines = 100;

/** One file: how far it is, what is wrong in it, and whom it brought. */
export default function UploadPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const id = Number(useParams({ from: "/inside/uploads/$id" }).id);
  const read = api.useQuery("get", "/v1/uploads/{id}", { params: { path: { id } } });
  const upload = useProgress(read.data);
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  if (!upload) return <Loader aria-label={t("common.loading")} />;
  return (
    <Page title={upload.filename} within={{ label: t("uploads.title"), to: "/uploads" }} beside={<UploadBadge upload={upload} />}>
      <Stack>
        <Text size="sm" c="dimmed">
          {format.bytes(upload.size)} · <When at={upload.created_at} exact />
        </Text>
        {!over(upload) && <Bar upload={upload} words={t("import.taking")} />}
        {upload.state === "failed" && (
          <Alert color="red" title={t("import.failed")} role="alert">
            {upload.error}
          </Alert>
        )}
        <Counts upload={upload} />
        {(upload.notices ?? []).length > 0 && (
          <List size="sm">
            {(upload.notices ?? []).map((notice) => (
              <List.Item key={notice}>{notice}</List.Item>
            ))}
          </List>
        )}
        {over(upload) && upload.refused + upload.incomplete > 0 && <Wrong upload={upload} />}
        {over(upload) && !upload.dry_run && <People upload={upload} />}
      </Stack>
    </Page>
  );
}

/** What of the file could not be used, and the way to bring it in corrected. */
function Wrong({ upload }: { upload: Upload }) {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const errors = `/v1/uploads/${upload.id}/errors.csv` as const;
  const read = useQuery({
    queryKey: ["get", "/v1/uploads/{id}/errors.csv", upload.id],
    queryFn: async () => {
      const { data } = await client.GET("/v1/uploads/{id}/errors.csv", { params: { path: { id: upload.id } }, parseAs: "text" });
      // One more than is shown says that there are more.
      return cells(typeof data === "string" ? data : "", shownLines + 2).slice(1);
    },
    enabled: edits,
  });
  const lines = read.data ?? [];
  return (
    <Part title={t("uploads.wrong")}>
      <Stack gap="sm">
        <Faults upload={upload} />
        <Failure error={read.error} />
        {lines.length > 0 && (
          <Table.ScrollContainer minWidth={0} scrollAreaProps={{ tabIndex: 0 }}>
            <Table aria-label={t("uploads.wrong")} verticalSpacing={4}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("uploads.line")}</Table.Th>
                  <Table.Th>{t("uploads.field")}</Table.Th>
                  <Table.Th>{t("property.value")}</Table.Th>
                  <Table.Th>{t("uploads.why")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {lines.slice(0, shownLines).map((line, i) => (
                  <Table.Tr key={i}>
                    {[0, 1, 2, 3].map((n) => (
                      <Table.Td key={n} style={{ overflowWrap: "anywhere" }}>
                        {line[n]}
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
        {lines.length > shownLines && (
          <Text size="sm" c="dimmed">
            {t("uploads.more", { n: format.number(shownLines) })}
          </Text>
        )}
        {edits && (
          <>
            <Text size="sm">{t("uploads.again")}</Text>
            <Group>
              <Button variant="default" component="a" href={errors} download>
                {t("import.errors")}
              </Button>
              <ButtonLink to="/contacts/import" variant="default">
                {t("uploads.corrected")}
              </ButtonLink>
            </Group>
          </>
        )}
      </Stack>
    </Part>
  );
}

/** Whom the file brought, or told of. */
function People({ upload }: { upload: Upload }) {
  const { t } = useTranslation();
  const columns = useContactColumns();
  return (
    <Part title={t("uploads.people")}>
      <LongRows<Schema<"Contact">>
        key={upload.id}
        name={`upload ${upload.id}`}
        label={t("uploads.people")}
        page={(cursor) => api.queryOptions("get", "/v1/contacts", { params: { query: { group: upload.id, limit: pageSize, ...(cursor ? { cursor } : {}) } } })}
        id={(c) => c.id}
        empty={<Text c="dimmed">{t("uploads.nobody")}</Text>}
        columns={columns}
      />
    </Part>
  );
}
