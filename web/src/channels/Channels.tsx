import { Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { tell, useLive } from "@/app/live";
import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { Rows } from "@/ui/Rows";
import { ChannelBadge, HealthBadge } from "@/ui/State";
import { ButtonLink, TextLink } from "@/ui/links";

import { useAtMost } from "./atMost";

/** All channels: how each stands, and what waits for it. */
export default function Channels() {
  const { t } = useTranslation();
  const atMost = useAtMost();
  const admin = useMay("admin");
  const live = useLive();
  const list = api.useInfiniteQuery("get", "/v1/channels", { params: { query: {} } }, pages);
  const providers = api.useQuery("get", "/v1/providers", {}, { staleTime: Infinity });
  const rows = list.data?.pages.flatMap((page) => page.items ?? []).map((c) => tell(c, live.channels.get(c.id)));
  const title = (name: string) => providers.data?.items?.find((p) => p.name === name)?.title ?? name;
  const create = admin && <ButtonLink to="/channels/new">{t("channels.new")}</ButtonLink>;
  return (
    <Page title={t("channels.title")} actions={create}>
      <Rows<Schema<"Channel">>
        label={t("channels.title")}
        rows={rows}
        id={(c) => c.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={
          <Empty title={t("channels.none")} action={create}>
            {admin ? t("channels.noneHint") : t("channels.noneForOthers")}
          </Empty>
        }
        columns={[
          {
            key: "name",
            label: t("channels.name"),
            cell: (c) => (
              <Stack gap={0}>
                <TextLink to="/channels/$id" params={{ id: String(c.id) }}>
                  {c.name}
                </TextLink>
                {c.standstill && (
                  <Text size="xs" c="dimmed">
                    {c.standstill.words}
                  </Text>
                )}
              </Stack>
            ),
          },
          { key: "provider", label: t("channels.provider"), wide: true, cell: (c) => title(c.provider) },
          { key: "address", label: t("channels.address"), wide: true, cell: (c) => c.address },
          { key: "status", label: t("channels.status"), cell: (c) => <ChannelBadge status={c.status} /> },
          { key: "health", label: t("channels.health"), wide: true, cell: (c) => <HealthBadge state={c.health.state} /> },
          {
            key: "rate",
            label: t("channels.rate"),
            numbers: true,
            wide: true,
            cell: atMost,
          },
          { key: "waits", label: t("channels.waits"), numbers: true, cell: (c) => <Waits depth={live.queue.get(c.id)} known={live.connected} /> },
        ]}
      />
    </Page>
  );
}

/** How many messages wait for a channel; nothing while nobody is heard. */
function Waits({ depth, known }: { depth: Schema<"QueueDepth"> | undefined; known: boolean }) {
  const format = useFormat();
  if (!depth) return known ? format.number(0) : null;
  return (
    <TextLink to="/queue" search={{ channel: String(depth.channel_id) }}>
      {format.number(depth.pending + depth.queued)}
    </TextLink>
  );
}
