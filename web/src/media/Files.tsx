import { Anchor, Button, Checkbox, Group, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { TextLink } from "@/ui/links";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { useFileColumns } from "./Library";
import { Upload } from "./Upload";

const used = { campaign: "/campaigns/$id", flow: "/flows/$id", template: "/templates/$id", message: "/messages/$id" } as const;

/** The files that were uploaded to be sent, what uses each, and those that nothing does. */
export function Files({ unused, show }: { unused: boolean; show: (unused: boolean) => void }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const columns = useFileColumns();
  const [asked, setAsked] = useState<Schema<"MediaFile">>();
  const list = api.useInfiniteQuery("get", "/v1/media", { params: { query: { limit: 100, ...(unused ? { unused } : {}) } } }, pages);
  return (
    <Stack>
      <Group align="flex-end">
        {edits && <Upload label={t("mail.uploadFile")} done={() => void refresh("/v1/media")} />}
        <Checkbox label={t("files.unused")} checked={unused} onChange={(e) => show(e.currentTarget.checked)} />
      </Group>
      <Rows<Schema<"MediaFile">>
        label={t("files.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(file) => file.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={unused ? <Empty title={t("files.allUsed")}>{t("files.allUsedHint")}</Empty> : <Empty title={t("files.none")}>{t("files.noneHint")}</Empty>}
        columns={[
          ...columns,
          {
            key: "used",
            label: t("files.usedBy"),
            cell: (file) => (
              <Group gap="xs">
                {(file.used_by ?? []).map((use) => (
                  <TextLink key={`${use.kind} ${use.id}`} size="sm" to={used[use.kind]} params={{ id: String(use.id) }}>
                    {t(`files.use.${use.kind}`, { id: use.id })}
                  </TextLink>
                ))}
              </Group>
            ),
          },
          { key: "made", label: t("files.made"), wide: true, cell: (file) => <When at={file.created_at} /> },
          {
            key: "acts",
            label: t("common.actions"),
            cell: (file) => (
              <Group gap={4} wrap="nowrap">
                <Anchor size="sm" href={file.url} target="_blank" rel="noreferrer" aria-label={t("files.openNamed", { name: file.name })}>
                  {t("files.open")}
                </Anchor>
                {edits && (file.used_by ?? []).length === 0 && (
                  <Button size="compact-xs" variant="outline" color="red" aria-label={t("files.deleteNamed", { name: file.name })} onClick={() => setAsked(file)}>
                    {t("campaign.delete")}
                  </Button>
                )}
              </Group>
            ),
          },
        ]}
      />
      <Ask
        opened={asked !== undefined}
        danger
        title={t("campaign.deleteTitle", { name: asked?.name ?? "" })}
        action={t("campaign.delete")}
        run={async () => {
          await client.DELETE("/v1/media/{id}", { params: { path: { id: asked?.id ?? 0 } } });
          await refresh("/v1/media");
        }}
        close={() => setAsked(undefined)}
      >
        {t("files.deleteHint")}
      </Ask>
    </Stack>
  );
}
