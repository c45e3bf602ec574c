import { Button, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { states } from "@/campaigns/counts";
import { Settle } from "@/campaigns/Settle";
import { Empty } from "@/ui/Empty";
import { pageSize } from "@/ui/long";
import { LongRows } from "@/ui/LongRows";
import { Page } from "@/ui/Page";
import { useReason } from "@/ui/reason";
import { StateBadge } from "@/ui/State";
import { When } from "@/ui/When";
import { TextLink } from "@/ui/links";

/** Messages by what became of them. */
export default function Messages() {
  const { t } = useTranslation();
  const why = useReason();
  const search = useSearch({ from: "/inside/messages" });
  const navigate = useNavigate({ from: "/messages" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const state = states.find((s) => s === search.state);
  const query = {
    limit: pageSize,
    ...(state ? { state } : {}),
    ...(search.campaign ? { campaign_id: search.campaign } : {}),
    ...(search.channel ? { channel_id: search.channel } : {}),
    ...(search.run ? { run_id: Number(search.run) } : {}),
    ...(search.reason ? { reason: search.reason } : {}),
    ...(search.address ? { address: search.address } : {}),
  };
  const channel = api.useQuery("get", "/v1/channels/{id}", { params: { path: { id: Number(search.channel) } } }, { enabled: search.channel !== undefined });
  const edits = useMay("editor");
  const [settled, setSettled] = useState<Schema<"SettleInput">["as"]>();
  const name = `messages ${JSON.stringify(query)}`;
  return (
    <Page title={t("messages.title")}>
      <Stack>
        <Group>
          <NativeSelect
            aria-label={t("messages.state")}
            value={state ?? ""}
            onChange={(e) => set({ state: e.currentTarget.value || undefined })}
            data={[{ value: "", label: t("messages.anyState") }, ...states.map((value) => ({ value, label: t(`message.state.${value}`) }))]}
          />
          <form
            onSubmit={(e) => {
              e.preventDefault();
              const given = new FormData(e.currentTarget).get("address");
              set({ address: typeof given === "string" && given.trim() ? given.trim() : undefined });
            }}
          >
            <TextInput name="address" aria-label={t("messages.address")} placeholder={t("messages.address")} type="search" defaultValue={search.address ?? ""} />
          </form>
          {search.campaign && (
            <TextLink to="/campaigns/$id" params={{ id: search.campaign }}>
              {t("messages.ofCampaign", { id: search.campaign })}
            </TextLink>
          )}
          {search.channel && (
            <TextLink to="/channels/$id" params={{ id: search.channel }}>
              {channel.data?.name ?? t("messages.ofChannel", { id: search.channel })}
            </TextLink>
          )}
          {(search.campaign ?? search.channel ?? search.run ?? search.reason) && (
            <Button variant="default" size="xs" onClick={() => set({ campaign: undefined, channel: undefined, run: undefined, reason: undefined })}>
              {t("messages.all")}
            </Button>
          )}
        </Group>
        {edits && state === "unknown" && search.channel && !search.address && !search.campaign && !search.run && (
          <Group gap="xs">
            <Text size="sm">{t("messages.doubtHint")}</Text>
            {(["sent", "not_sent"] as const).map((as) => (
              <Button key={as} size="xs" variant="default" onClick={() => setSettled(as)}>
                {t(`settle.${as}`)}
              </Button>
            ))}
          </Group>
        )}
        {settled && search.channel && <Settle of={{ channel_id: Number(search.channel) }} as={settled} close={() => setSettled(undefined)} />}
        <LongRows<Schema<"Message">>
          key={name}
          name={name}
          label={t("messages.title")}
          page={(cursor) => api.queryOptions("get", "/v1/messages", { params: { query: { ...query, ...(cursor ? { cursor } : {}) } } })}
          id={(m) => m.id}
          empty={<Empty title={t("messages.none")}>{t("messages.noneHint")}</Empty>}
          columns={[
            {
              key: "address",
              label: t("messages.address"),
              cell: (m) => (
                <TextLink to="/messages/$id" params={{ id: String(m.id) }}>
                  {m.address || t("messages.noAddress")}
                </TextLink>
              ),
            },
            { key: "state", label: t("messages.state"), width: "9rem", cell: (m) => <StateBadge state={m.state} /> },
            {
              key: "why",
              label: t("messages.why"),
              wide: true,
              cell: (m) => (
                <Text size="sm" c="dimmed" truncate>
                  {m.detail ?? why(m.reason)}
                </Text>
              ),
            },
            { key: "at", label: t("messages.at"), wide: true, width: "10rem", cell: (m) => <When at={m.final_at ?? m.sent_at ?? m.created_at} /> },
          ]}
        />
      </Stack>
    </Page>
  );
}
