import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { useFormat } from "@/ui/format";
import { ButtonLink, TextLink } from "@/ui/links";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { PeoplePage } from "./PeoplePage";
import { over } from "./UploadParts";

type Upload = Schema<"Upload">;

/** Files that were taken in, or only looked at. */
export default function Uploads() {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const list = api.useInfiniteQuery("get", "/v1/uploads", { params: { query: { limit: 50 } } }, {
    ...pages,
    refetchInterval: ({ state }) => ((state.data?.pages ?? []).some((page) => (page.items ?? []).some((u) => !over(u))) ? 2000 : false),
  });
  const upload = edits && <ButtonLink to="/contacts/import">{t("contacts.import")}</ButtonLink>;
  return (
    <PeoplePage title={t("uploads.title")} actions={upload}>
      <Rows<Upload>
        label={t("uploads.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(u) => u.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={
          <Empty title={t("uploads.none")} action={upload}>
            {t("contacts.noneHint")}
          </Empty>
        }
        columns={[
          {
            key: "file",
            label: t("uploads.file"),
            cell: (u) => (
              <TextLink to="/uploads/$id" params={{ id: String(u.id) }}>
                {u.filename}
              </TextLink>
            ),
          },
          { key: "state", label: t("contacts.status"), cell: (u) => <UploadBadge upload={u} /> },
          { key: "rows", label: t("uploads.lines"), numbers: true, cell: (u) => format.number(u.records) },
          { key: "refused", label: t("uploads.refused"), numbers: true, cell: (u) => format.number(u.refused) },
          { key: "size", label: t("uploads.size"), wide: true, numbers: true, cell: (u) => format.bytes(u.size) },
          { key: "at", label: t("messages.at"), wide: true, cell: (u) => <When at={u.created_at} /> },
        ]}
      />
    </PeoplePage>
  );
}

const colors = { queued: "gray.7", running: "cyan.9", finished: "green.9", failed: "red" } as const;

/** How far an upload is; of a dry run, that it was one. */
export function UploadBadge({ upload: u }: { upload: Upload }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={u.dry_run && u.state === "finished" ? "gray.7" : colors[u.state]} miw="max-content">
      {u.dry_run && u.state === "finished" ? t("uploads.dryRun") : t(`job.states.${u.state}`)}
    </Badge>
  );
}
