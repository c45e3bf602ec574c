import { Button, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { states } from "@/campaigns/counts";
import { Settle } from "@/campaigns/Settle";
import { nameOf } from "@/contacts/name";
import { Empty } from "@/ui/Empty";
import { Filter } from "@/ui/Filter";
import { pageSize } from "@/ui/long";
import { LongRows } from "@/ui/LongRows";
import { Page } from "@/ui/Page";
import { useReason } from "@/ui/reason";
import { StateBadge } from "@/ui/State";
import { When } from "@/ui/When";
import { TextLink } from "@/ui/links";

/** Messages by what became of them. */
export default function Messages() {
  const { t, i18n } = useTranslation();
  const why = useReason();
  const search = useSearch({ from: "/inside/messages" });
  const navigate = useNavigate({ from: "/messages" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const state = states.find((s) => s === search.state);
  const campaign = api.useQuery("get", "/v1/campaigns/{id}", { params: { path: { id: Number(search.campaign) } } }, { enabled: /^\d+$/.test(search.campaign ?? "") });
  const channel = api.useQuery("get", "/v1/channels/{id}", { params: { path: { id: Number(search.channel) } } }, { enabled: /^\d+$/.test(search.channel ?? "") });
  const query = {
    limit: pageSize,
    ...(state ? { state } : {}),
    ...(search.campaign ? { campaign_id: search.campaign } : {}),
    ...(search.channel ? { channel_id: search.channel } : {}),
    ...(search.run ? { run_id: Number(search.run) } : {}),
    ...(search.reason ? { reason: search.reason } : {}),
    ...(search.address ? { address: search.address } : {}),
  };
  const edits = useMay("editor");
  const [settled, setSettled] = useState<Schema<"SettleInput">["as"]>();
  const name = `messages ${JSON.stringify(query)}`;
  return (
    <Page title={t("messages.title")}>
      <Stack>
        <Group align="flex-end">
          <NativeSelect
            label={t("messages.state")}
            value={state ?? ""}
            onChange={(e) => set({ state: e.currentTarget.value || undefined })}
            data={[{ value: "", label: t("messages.anyState") }, ...states.map((value) => ({ value, label: t(`message.state.${value}`) }))]}
          />
          <Filter
            label={t("messages.campaign")}
            value={search.campaign}
            name={campaign.data?.name}
            change={(given) => set({ campaign: given, run: undefined })}
            asks={(q) => api.queryOptions("get", "/v1/campaigns", { params: { query: { q, limit: 50, archived: "all" } } })}
            offers={(found) => (found.items ?? []).map((c) => ({ value: String(c.id), name: c.name, hint: `#${c.id}` }))}
          />
          <Filter
            label={t("messages.channel")}
            value={search.channel}
            name={channel.data?.name}
            change={(given) => set({ channel: given })}
            asks={() => api.queryOptions("get", "/v1/channels", { params: { query: { limit: 500 } } })}
            offers={(all) => (all.items ?? []).map((c) => ({ value: String(c.id), name: c.name, hint: c.provider }))}
          />
          <Filter
            label={t("messages.why")}
            value={search.reason}
            name={search.reason && why(search.reason)}
            change={(reason) => set({ reason })}
            asks={() => ({ queryKey: ["reasons", i18n.language], queryFn: () => t("reason.means", { returnObjects: true }) })}
            offers={(all) => Object.entries(all).map(([value, name]) => ({ value, name }))}
          />
          <Filter
            label={t("messages.address")}
            value={search.address}
            change={(address) => set({ address })}
            asks={(q) => api.queryOptions("get", "/v1/contacts", { params: { query: { q, limit: 20 } } })}
            offers={(found) => (found.items ?? []).flatMap((c) => Object.values(c.addresses).map((value) => ({ value, hint: nameOf(c) })))}
          />
          {campaign.data && (
            <TextLink to="/campaigns/$id" params={{ id: String(campaign.data.id) }}>
              {t("messages.ofCampaign", { id: campaign.data.id })}
            </TextLink>
          )}
          {channel.data && (
            <TextLink to="/channels/$id" params={{ id: String(channel.data.id) }}>
              {channel.data.name}
            </TextLink>
          )}
          {Object.values(search).some(Boolean) && (
            <Button variant="default" onClick={() => void navigate({ search: {}, replace: true })}>
              {t("messages.all")}
            </Button>
          )}
        </Group>
        {edits && state === "unknown" && channel.data && !search.reason && !search.address && !search.campaign && !search.run && (
          <Group gap="xs">
            <Text size="sm">{t("messages.doubtHint")}</Text>
            {(["sent", "not_sent"] as const).map((as) => (
              <Button key={as} size="xs" variant="default" onClick={() => setSettled(as)}>
                {t(`settle.${as}`)}
              </Button>
            ))}
          </Group>
        )}
        {settled && channel.data && <Settle of={{ channel_id: channel.data.id }} as={settled} close={() => setSettled(undefined)} />}
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
