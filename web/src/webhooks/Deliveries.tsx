import { Badge, Button, Code, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { api, pages, refresh, type Schema } from "@/api/client";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";
import { TextLink } from "@/ui/links";

import { Replay } from "./Replay";

type Delivery = Schema<"WebhookDelivery">;
const states = ["pending", "delivered", "failed"] as const;
const colors: Record<Delivery["state"], string> = { pending: "gray.7", delivered: "green.9", failed: "red" };

const soon = 1500; // ms until it is looked again at what is under way

function DeliveryBadge({ state }: { state: Delivery["state"] }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={colors[state]}>
      {t(`deliveries.state.${state}`)}
    </Badge>
  );
}

/** What the webhook was told, request by request; which one is looked at stands in the address. */
export function Deliveries({ id }: { id: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const search = useSearch({ from: "/inside/settings/webhooks/$id" });
  const navigate = useNavigate({ from: "/settings/webhooks/$id" });
  const state = states.find((s) => s === search.state);
  const list = api.useInfiniteQuery("get", "/v1/webhooks/{id}/deliveries", { params: { path: { id }, query: state ? { state } : {} } }, {
    ...pages,
    refetchInterval: (query) => (query.state.data?.pages.some((page) => page.items?.some((d) => d.state === "pending")) ? soon : false),
  });
  return (
    <Stack gap="sm">
      <Group justify="space-between" align="flex-end">
        <NativeSelect
          label={t("webhook.stateOf")}
          value={state ?? ""}
          onChange={(e) => void navigate({ search: (old) => ({ ...old, state: e.currentTarget.value || undefined }), replace: true })}
          data={[{ value: "", label: t("deliveries.any") }, ...states.map((value) => ({ value, label: t(`deliveries.state.${value}`) }))]}
        />
        <Replay id={id} />
      </Group>
      {search.delivery && <One key={search.delivery} id={id} delivery={Number(search.delivery)} />}
      <Rows<Delivery>
        label={t("deliveries.title")}
        widens
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(d) => d.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Empty title={t("deliveries.none")}>{t("deliveries.noneHint")}</Empty>}
        columns={[
          {
            key: "at",
            label: t("deliveries.at"),
            cell: (d) => (
              <TextLink from="/settings/webhooks/$id" to="/settings/webhooks/$id" params={{ id: String(id) }} search={(old) => ({ ...old, delivery: String(d.id) })}>
                {format.instant(d.created_at)}
              </TextLink>
            ),
          },
          { key: "state", label: t("webhook.stateOf"), cell: (d) => <DeliveryBadge state={d.state} /> },
          { key: "status", label: t("deliveries.status"), numbers: true, cell: (d) => d.http_status },
          { key: "events", label: t("webhook.events"), numbers: true, wide: true, cell: (d) => format.number(d.events) },
          { key: "tries", label: t("deliveries.tries"), numbers: true, wide: true, cell: (d) => format.number(d.tries) },
          {
            key: "answer",
            label: t("deliveries.answer"),
            wide: true,
            cell: (d) => (
              <Text size="sm" c="dimmed" lineClamp={1}>
                {d.answer}
              </Text>
            ),
          },
        ]}
      />
    </Stack>
  );
}

/** One request with what was posted and what was answered. */
function One({ id, delivery }: { id: number; delivery: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const path = { id, delivery_id: delivery };
  const navigate = useNavigate({ from: "/settings/webhooks/$id" });
  const read = api.useQuery("get", "/v1/webhooks/{id}/deliveries/{delivery_id}", { params: { path } }, {
    refetchInterval: (query) => (query.state.data?.state === "pending" ? soon : false),
  });
  const replay = api.useMutation("post", "/v1/webhooks/{id}/deliveries/{delivery_id}/replay", {
    // It is a request of its own, with the same webhook-id.
    onSuccess: async (made) => {
      await navigate({ search: (old) => ({ ...old, delivery: String(made.id) }), replace: true });
      await refresh("/v1/webhooks");
    },
  });
  const d = read.data;
  // What came of it may have switched the webhook off, and is in the list.
  const state = d?.state;
  useEffect(() => {
    if (state !== undefined && state !== "pending") void refresh("/v1/webhooks");
  }, [state]);
  return (
    <Part title={t("deliveries.one", { id: delivery })}>
      <Failure error={read.error ?? replay.error} />
      {d && (
        <Stack gap="xs">
          <Group gap="sm" role="status">
            <DeliveryBadge state={d.state} />
            {d.http_status !== undefined && <Text size="sm">HTTP {d.http_status}</Text>}
            {d.took_ms !== undefined && <Text size="sm">{t("deliveries.took", { ms: format.number(d.took_ms) })}</Text>}
            <Text size="sm">{t("deliveries.tried", { count: d.tries, n: format.number(d.tries) })}</Text>
            {d.next_try_at && d.state === "pending" && (
              <Text size="sm">
                {t("deliveries.next")} <When at={d.next_try_at} />
              </Text>
            )}
          </Group>
          <Text size="sm">
            webhook-id: <Code>{d.webhook_id}</Code>
          </Text>
          <Written title={t("deliveries.request")} text={pretty(d.body ?? "")} />
          <Written title={t("deliveries.answer")} text={d.answer ?? ""} />
          <Group>
            <Button size="xs" variant="default" loading={replay.isPending} disabled={d.state === "pending"} onClick={() => replay.mutate({ params: { path } })}>
              {t("deliveries.replay")}
            </Button>
            <Button size="xs" variant="default" onClick={() => void navigate({ search: (old) => ({ ...old, delivery: undefined }), replace: true })}>
              {t("common.close")}
            </Button>
          </Group>
        </Stack>
      )}
    </Part>
  );
}

function Written({ title, text }: { title: string; text: string }) {
  if (text === "") return null;
  return (
    <div>
      <Text size="sm" fw={600}>
        {title}
      </Text>
      <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {text}
      </Code>
    </div>
  );
}

/** JSON on lines, where it is JSON. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
