import { Group, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { useFind } from "@/app/find";
import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { Rows } from "@/ui/Rows";
import { CampaignBadge, type CampaignStatus } from "@/ui/State";
import { When } from "@/ui/When";
import { TextLink } from "@/ui/links";

import { NewFlow } from "./NewFlow";

const statuses: CampaignStatus[] = ["draft", "running", "paused", "finished", "canceled"];
/** All flows, found by name and status, with how many are inside. */
export default function Flows() {
  const { t } = useTranslation();
  const format = useFormat();
  const search = useSearch({ from: "/inside/flows" });
  const navigate = useNavigate({ from: "/flows" });
  const edits = useMay("editor");
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const find = useFind((q: string) => set({ q: q || undefined }));
  const status = statuses.find((s) => s === search.status);
  const list = api.useInfiniteQuery(
    "get",
    "/v1/flows",
    { params: { query: { ...(search.q ? { search: search.q } : {}), ...(status ? { status } : {}) } } },
    pages,
  );
  const rows = list.data?.pages.flatMap((page) => page.items ?? []);
  return (
    <Page title={t("flows.title")} actions={edits && <NewFlow />}>
      <Stack>
        <Group>
          <TextInput
            aria-label={t("flows.search")}
            placeholder={t("flows.search")}
            type="search"
            defaultValue={search.q ?? ""}
            onChange={(e) => find(e.currentTarget.value)}
          />
          <NativeSelect
            aria-label={t("campaigns.statusFilter")}
            value={status ?? ""}
            onChange={(e) => set({ status: e.currentTarget.value || undefined })}
            data={[{ value: "", label: t("campaigns.anyStatus") }, ...statuses.map((value) => ({ value, label: t(`campaign.status.${value}`) }))]}
          />
        </Group>
        <Rows<Schema<"Flow">>
          label={t("flows.title")}
          rows={rows}
          id={(f) => f.id}
          error={list.error}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          empty={
            search.q || status ? (
              <Empty title={t("flows.noneFound")}>{t("flows.noneFoundHint")}</Empty>
            ) : (
              <Empty title={t("flows.none")} action={edits && <NewFlow starts />}>
                {t("flows.noneHint")}
              </Empty>
            )
          }
          columns={[
            {
              key: "name",
              label: t("flows.name"),
              cell: (f) => (
                <TextLink to="/flows/$id" params={{ id: String(f.id) }}>
                  {f.name}
                </TextLink>
              ),
            },
            { key: "status", label: t("flows.status"), cell: (f) => <CampaignBadge status={f.status} /> },
            { key: "inside", label: t("flows.inside"), numbers: true, cell: (f) => format.number(f.inside) },
            { key: "entered", label: t("flows.entered"), numbers: true, wide: true, cell: (f) => format.number(f.entered) },
            { key: "changed", label: t("flows.changed"), wide: true, cell: (f) => <When at={f.updated_at} /> },
          ]}
        />
      </Stack>
    </Page>
  );
}
