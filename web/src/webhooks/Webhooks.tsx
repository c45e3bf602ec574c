import { Badge, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { SettingsPage } from "@/settings/SettingsPage";
import { Empty } from "@/ui/Empty";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";
import { ButtonLink, TextLink } from "@/ui/links";

type Webhook = Schema<"Webhook">;

/** Shades dark enough for white letters. */
const colors: Record<Webhook["state"], string> = { on: "green.9", paused: "orange.9", off: "red" };

export function WebhookBadge({ state }: { state: Webhook["state"] }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={colors[state]}>
      {t(`webhook.state.${state}`)}
    </Badge>
  );
}

/** How it goes: why it is off, or since when nothing succeeds. */
export function Health({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation();
  if (webhook.reason) return webhook.reason;
  if (!webhook.failing_since) return t("webhook.well");
  return (
    <Text span c="red" inherit>
      {t("webhook.failing")} <When at={webhook.failing_since} />
    </Text>
  );
}

/** Programs that are told what happens. */
export default function Webhooks() {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/webhooks", { params: { query: {} } }, pages);
  const make = <ButtonLink to="/settings/webhooks/new">{t("webhooks.new")}</ButtonLink>;
  return (
    <SettingsPage title={t("webhooks.title")} actions={make}>
      <Rows<Webhook>
        label={t("webhooks.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(w) => w.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={
          <Empty title={t("webhooks.none")} action={make}>
            {t("webhooks.noneHint")}
          </Empty>
        }
        columns={[
          {
            key: "url",
            label: t("webhook.url"),
            cell: (w) => (
              <Stack gap={0}>
                <TextLink to="/settings/webhooks/$id" params={{ id: String(w.id) }} style={{ overflowWrap: "anywhere" }}>
                  {w.url}
                </TextLink>
                <Text size="xs" c="dimmed">
                  {w.description}
                </Text>
              </Stack>
            ),
          },
          {
            key: "state",
            label: t("webhook.stateOf"),
            cell: (w) => (
              <Group gap={6}>
                <WebhookBadge state={w.state} />
                {w.format && <Badge variant="default">{w.format}</Badge>}
              </Group>
            ),
          },
          { key: "health", label: t("webhook.health"), cell: (w) => <Health webhook={w} /> },
          { key: "events", label: t("webhook.events"), wide: true, cell: (w) => <Text size="sm">{(w.events ?? []).join(", ")}</Text> },
        ]}
      />
    </SettingsPage>
  );
}
