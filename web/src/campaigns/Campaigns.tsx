import { Badge, Button, Group, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { useFind } from "@/app/find";
import { useLive } from "@/app/live";
import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { Filter } from "@/ui/Filter";
import { offersOf } from "@/ui/offers";
import { Page } from "@/ui/Page";
import { Rows } from "@/ui/Rows";
import { CampaignBadge, type CampaignStatus } from "@/ui/State";
import { When } from "@/ui/When";
import { ButtonLink, TextLink } from "@/ui/links";

import { Progress } from "./Progress";

const statuses: CampaignStatus[] = ["draft", "scheduled", "running", "paused", "finished", "canceled", "failed"];
/** All campaigns, found by name, status and tag. */
export default function Campaigns() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/campaigns" });
  const navigate = useNavigate({ from: "/campaigns" });
  const edits = useMay("editor");
  const { runs } = useLive();
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const find = useFind((q: string) => set({ q: q || undefined }));
  const status = statuses.find((s) => s === search.status);
  const list = api.useInfiniteQuery(
    "get",
    "/v1/campaigns",
    {
      params: {
        query: {
          ...(search.q ? { q: search.q } : {}),
          ...(status ? { status } : {}),
          ...(search.tag ? { tag: search.tag } : {}),
          ...(search.archived ? { archived: "true" as const } : {}),
        },
      },
    },
    pages,
  );
  const rows = list.data?.pages.flatMap((page) => page.items ?? []);
  const filtered = Object.values(search).some(Boolean);
  return (
    <Page
      title={t("campaigns.title")}
      actions={
        edits && (
          <ButtonLink to="/campaigns/new">
            {t("campaigns.new")}
          </ButtonLink>
        )
      }
    >
      <Stack>
        <Group align="flex-end">
          <TextInput
            label={t("campaigns.search")}
            type="search"
            defaultValue={search.q ?? ""}
            onChange={(e) => find(e.currentTarget.value)}
          />
          <NativeSelect
            label={t("campaigns.status")}
            value={status ?? ""}
            onChange={(e) => set({ status: e.currentTarget.value || undefined })}
            data={[{ value: "", label: t("campaigns.anyStatus") }, ...statuses.map((value) => ({ value, label: t(`campaign.status.${value}`) }))]}
          />
          <Filter
            label={t("campaigns.tag")}
            value={search.tag}
            change={(tag) => set({ tag })}
            asks={() => api.queryOptions("get", "/v1/campaigns", { params: { query: { limit: 500, archived: "all" } } })}
            offers={(all) => offersOf((all.items ?? []).flatMap((c) => c.tags ?? []))}
          />
          <Button variant={search.archived ? "filled" : "default"} aria-pressed={!!search.archived} onClick={() => set({ archived: search.archived ? undefined : "true" })}>
            {t("campaigns.archived")}
          </Button>
        </Group>
        <Rows<Schema<"Campaign">>
          label={t("campaigns.title")}
          rows={rows}
          id={(c) => c.id}
          error={list.error}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          empty={
            filtered ? (
              <Empty title={t("campaigns.noneFound")}>{t("campaigns.noneFoundHint")}</Empty>
            ) : (
              <Empty
                title={t("campaigns.none")}
                action={
                  edits && (
                    <ButtonLink to="/campaigns/new">
                      {t("campaigns.new")}
                    </ButtonLink>
                  )
                }
              >
                {t("campaigns.noneHint")}
              </Empty>
            )
          }
          columns={[
            {
              key: "name",
              label: t("campaigns.name"),
              cell: (c) => (
                <Group gap={6}>
                  <TextLink to="/campaigns/$id" params={{ id: String(c.id) }}>
                    {c.name}
                  </TextLink>
                  {(c.tags ?? []).map((tag) => (
                    <Badge
                      key={tag}
                      variant="default"
                      component="button"
                      style={{ cursor: "pointer" }}
                      aria-label={t("campaigns.withTag", { tag })}
                      onClick={() => set({ tag })}
                    >
                      {tag}
                    </Badge>
                  ))}
                </Group>
              ),
            },
            { key: "status", label: t("campaigns.status"), cell: (c) => <CampaignBadge status={c.status} /> },
            { key: "progress", label: t("campaigns.progress"), wide: true, cell: (c) => <Progress run={runs.get(c.run_id ?? 0)} small /> },
            { key: "next", label: t("campaigns.next"), wide: true, cell: (c) => <When at={c.next_fire_at} /> },
            { key: "changed", label: t("campaigns.changed"), wide: true, cell: (c) => <When at={c.updated_at} /> },
          ]}
        />
      </Stack>
    </Page>
  );
}
