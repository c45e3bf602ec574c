import { Button, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";

const states = ["failed", "delivered"] as const;
const many = 1000; // from there on the number has to be typed

interface Filter {
  state: string;
  event: string;
  from: string;
  to: string;
}

/** What the API is asked; a time that is none is left out. */
function bodyOf(f: Filter): Schema<"WebhookReplay"> {
  const state = states.find((s) => s === f.state);
  return {
    ...(state ? { state } : {}),
    ...(f.event ? { event: f.event } : {}),
    ...(f.from ? { from: new Date(f.from).toISOString() } : {}),
    ...(f.to ? { to: new Date(f.to).toISOString() } : {}),
  };
}

/** Makes many requests again: first it says how many. */
export function Replay({ id }: { id: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const path = { id };
  const [asked, setAsked] = useState(false);
  const [filter, setFilter] = useState<Filter>({ state: "failed", event: "", from: "", to: "" });
  const set = (change: Partial<Filter>) => setFilter((old) => ({ ...old, ...change }));
  const events = api.useQuery("get", "/v1/webhook-events", {}, { staleTime: Infinity, enabled: asked });
  const counted = api.useQuery(
    "post",
    "/v1/webhooks/{id}/replay",
    { params: { path }, body: { ...bodyOf(filter), dry_run: true } },
    { enabled: asked, staleTime: 0 },
  );
  const requests = counted.data?.requests;
  return (
    <>
      <Button variant="default" onClick={() => setAsked(true)}>
        {t("replay.title")}
      </Button>
      <Ask
        opened={asked}
        title={t("replay.title")}
        action={requests === undefined ? t("deliveries.replay") : t("replay.action", { count: requests, n: format.number(requests) })}
        typed={requests !== undefined && requests > many ? String(requests) : undefined}
        run={async () => {
          const { data } = await client.POST("/v1/webhooks/{id}/replay", { params: { path }, body: bodyOf(filter) });
          notifications.show({ message: t("replay.done", { count: data?.requests ?? 0, n: format.number(data?.requests ?? 0) }) });
          await refresh("/v1/webhooks");
        }}
        close={() => setAsked(false)}
      >
        <Stack gap="xs">
          <NativeSelect
            label={t("webhook.stateOf")}
            value={filter.state}
            onChange={(e) => set({ state: e.currentTarget.value })}
            data={[...states.map((value) => ({ value, label: t(`deliveries.state.${value}`) })), { value: "", label: t("deliveries.any") }]}
          />
          <NativeSelect
            label={t("replay.event")}
            value={filter.event}
            onChange={(e) => set({ event: e.currentTarget.value })}
            data={[{ value: "", label: t("replay.anyEvent") }, ...(events.data?.items ?? []).map(({ name }) => name)]}
          />
          {(["from", "to"] as const).map((key) => (
            <TextInput key={key} type="datetime-local" label={t(`audit.${key}`)} value={filter[key]} onChange={(e) => set({ [key]: e.currentTarget.value })} />
          ))}
          <Failure error={counted.error} />
          <Text size="sm" role="status">
            {requests !== undefined && t("replay.hint", { count: requests, n: format.number(requests) })}
          </Text>
        </Stack>
      </Ask>
    </>
  );
}
