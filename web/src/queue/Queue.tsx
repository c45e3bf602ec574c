import { Alert, Button, Checkbox, Group, List, Loader, Stack, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { tell, useLive } from "@/app/live";
import { useMay } from "@/app/session";
import { PauseOrResume } from "@/channels/actions";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { Filter } from "@/ui/Filter";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { Hindrance } from "@/ui/Standstill";
import { ChannelBadge, HealthBadge, StateBadge } from "@/ui/State";
import { When } from "@/ui/When";
import { Why } from "@/ui/Why";
import { TextLink } from "@/ui/links";

import { examples, part, typed, waiting } from "./clearing";
import { type Row, rows } from "./totals";

type View = Schema<"QueueView">;

const again = 5000; // ms until it is asked anew what waits

/** What is on its way out: how much waits where, since when, and why it does not go. */
export default function Queue() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/queue" });
  const navigate = useNavigate({ from: "/queue" });
  const edits = useMay("editor");
  const { connected } = useLive();
  const [clearing, setClearing] = useState<View>();
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const { channel, campaign } = search;
  const query = { ...(channel ? { channel_id: channel } : {}), ...(campaign ? { campaign_id: campaign } : {}) };
  const read = api.useQuery("get", "/v1/queue", { params: { query } }, { refetchInterval: connected ? again : false });
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } });
  const chosen = api.useQuery("get", "/v1/campaigns/{id}", { params: { path: { id: Number(campaign) } } }, { enabled: /^\d+$/.test(campaign ?? "") });
  const queue = read.data;
  return (
    <Page
      title={t("queue.title")}
      actions={
        edits &&
        queue &&
        (waiting(queue) > 0 || (queue.planning ?? []).length > 0) && (
          <Button color="red" variant="outline" onClick={() => setClearing(queue)}>
            {t("queue.clear")}
          </Button>
        )
      }
    >
      <Stack>
        <Group>
          <Filter
            label={t("queue.channel")}
            placeholder={t("queue.anyChannel")}
            value={channel}
            name={channels.data?.items?.find(({ id }) => String(id) === channel)?.name}
            change={(given) => set({ channel: given })}
            asks={() => api.queryOptions("get", "/v1/channels", { params: { query: { limit: 500 } } })}
            offers={(all) => (all.items ?? []).map((c) => ({ value: String(c.id), name: c.name, hint: c.provider }))}
          />
          <Filter
            label={t("queue.campaign")}
            placeholder={t("queue.anyCampaign")}
            value={campaign}
            name={chosen.data?.name}
            change={(given) => set({ campaign: given })}
            asks={(q) => api.queryOptions("get", "/v1/campaigns", { params: { query: { q, limit: 50 } } })}
            offers={(found) => (found.items ?? []).map((c) => ({ value: String(c.id), name: c.name, hint: `#${c.id}` }))}
          />
        </Group>
        {search.cleared && <Record id={Number(search.cleared)} close={() => set({ cleared: undefined })} />}
        <Failure error={read.error} again={() => void read.refetch()} />
        {read.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
        {queue && (
          <>
            <Hindered queue={queue} />
            <Comes queue={queue} />
            <Totals queue={queue} channels={channels.data?.items ?? []} />
            <First queue={queue} channels={channels.data?.items ?? []} filtered={channel !== undefined || campaign !== undefined} />
          </>
        )}
        {clearing && (
          <Clear queue={clearing} channel={channel} campaign={campaign} close={() => setClearing(undefined)} done={(id) => set({ cleared: String(id) })} />
        )}
      </Stack>
    </Page>
  );
}

/** Why what waits does not go out, and what to do. */
function Hindered({ queue }: { queue: View }) {
  const { t } = useTranslation();
  const list = queue.hindrances ?? [];
  if (list.length === 0) return null;
  return (
    <Alert color="orange" title={t("queue.hindrances")} role="status">
      <List size="sm">
        {list.map((h) => (
          <List.Item key={h.words}>
            <Hindrance of={h} />
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

/** What comes beside what is there: runs that are being planned, and what fires next. */
function Comes({ queue }: { queue: View }) {
  const { t } = useTranslation();
  const format = useFormat();
  const planning = queue.planning ?? [];
  return (
    <>
      {planning.length > 0 && (
        <Alert color="cyan">
          {t("queue.planning")}
          <List size="sm">
            {planning.map((run) => (
              <List.Item key={run.run_id}>
                <TextLink to="/campaigns/$id" params={{ id: String(run.campaign_id) }}>
                  {run.campaign}
                </TextLink>{" "}
                {t("queue.planned", { n: format.number(run.planned) })}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {queue.next && (
        <Text size="sm">
          {t("queue.next")}{" "}
          <TextLink to="/campaigns/$id" params={{ id: String(queue.next.campaign_id) }}>
            {queue.next.campaign}
          </TextLink>{" "}
          <When at={queue.next.at} exact />
        </Text>
      )}
    </>
  );
}

/** How much waits on each channel and of what, how fast it goes out, and why no faster. */
function Totals({ queue, channels }: { queue: View; channels: Schema<"Channel">[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useLive();
  const of = ({ total }: Row) => channels.find((c) => c.id === total.channel_id);
  const whole = (cell: (row: Row) => ReactNode) => (row: Row) => (row.priority ? null : cell(row));
  const perSecond = (n: number) => t("run.rate", { rate: format.number(Math.round(n * 100) / 100) });
  return (
    <Rows<Row>
      label={t("queue.title")}
      rows={rows(queue.channels ?? [])}
      id={(row) => row.key}
      empty={null}
      columns={[
        {
          key: "channel",
          label: t("queue.channel"),
          cell: (row) =>
            row.priority ? (
              <Text span size="sm" c="dimmed" ml="md">
                {t(`queue.priority.${row.priority}`)}
              </Text>
            ) : (
              <TextLink to="/channels/$id" params={{ id: String(row.total.channel_id) }}>
                {of(row)?.name ?? row.total.channel_id}
              </TextLink>
            ),
        },
        {
          key: "status",
          label: t("channels.status"),
          wide: true,
          cell: whole((row) => {
            const channel = of(row);
            if (!channel) return null;
            const { status, health } = tell(channel, now.channels.get(channel.id));
            return (
              <Group gap={4}>
                <ChannelBadge status={status} />
                {health.state !== "ok" && <HealthBadge state={health.state} />}
              </Group>
            );
          }),
        },
        { key: "pending", label: t("message.state.pending"), numbers: true, cell: ({ waiting: w }) => format.number(w.pending) },
        { key: "queued", label: t("message.state.queued"), numbers: true, cell: ({ waiting: w }) => format.number(w.queued) },
        { key: "sending", label: t("queue.sending"), numbers: true, cell: ({ waiting: w }) => format.number(w.sending) },
        { key: "oldest", label: t("queue.oldest"), wide: true, cell: ({ waiting: w }) => (w.oldest_at ? format.duration(w.oldest_wait_seconds) : null) },
        { key: "rate", label: t("queue.rate"), numbers: true, wide: true, cell: whole(({ total }) => perSecond(total.pace.accepted_per_second)) },
        {
          key: "most",
          label: t("channels.rate"),
          wide: true,
          cell: whole(({ total: { pace } }) => (
            <>
              {pace.most_per_second === undefined ? t("channels.noLimit") : perSecond(pace.most_per_second)}
              <Text size="xs" c="dimmed">
                <Why pace={pace} />
              </Text>
            </>
          )),
        },
        {
          key: "doubt",
          label: t("message.state.unknown"),
          numbers: true,
          cell: whole(
            ({ total }) =>
              total.in_doubt > 0 && (
                <TextLink to="/messages" search={{ state: "unknown", channel: String(total.channel_id) }} aria-label={t("queue.doubt", { count: total.in_doubt, n: format.number(total.in_doubt) })}>
                  {format.number(total.in_doubt)}
                </TextLink>
              ),
          ),
        },
        {
          key: "actions",
          label: t("common.actions"),
          cell: whole((row) => {
            const channel = of(row);
            return channel && <PauseOrResume small channel={tell(channel, now.channels.get(channel.id))} />;
          }),
        },
      ]}
    />
  );
}

/** The first messages, in the order in which they go. */
function First({ queue, channels, filtered }: { queue: View; channels: Schema<"Channel">[]; filtered: boolean }) {
  const { t } = useTranslation();
  const messages = queue.messages ?? [];
  if (messages.length === 0) return <Empty title={filtered ? t("queue.noneFound") : t("queue.empty")}>{filtered ? t("campaigns.noneFoundHint") : t("queue.emptyHint")}</Empty>;
  return (
    <Part title={t("queue.first")}>
      <Text size="sm" c="dimmed">
        {t("queue.firstHint")}
      </Text>
      <Rows<Schema<"Message">>
        label={t("queue.first")}
        rows={messages}
        id={(m) => m.id}
        empty={null}
        columns={[
          {
            key: "address",
            label: t("queue.address"),
            cell: (m) => (
              <TextLink to="/messages/$id" params={{ id: String(m.id) }}>
                {m.address || t("messages.noAddress")}
              </TextLink>
            ),
          },
          { key: "state", label: t("queue.state"), cell: (m) => <StateBadge state={m.state} /> },
          { key: "channel", label: t("queue.channel"), wide: true, cell: (m) => channels.find((c) => c.id === m.channel_id)?.name ?? m.channel_id },
          {
            key: "campaign",
            label: t("queue.campaign"),
            wide: true,
            cell: (m) =>
              m.campaign_id !== undefined && (
                <TextLink to="/campaigns/$id" params={{ id: String(m.campaign_id) }}>
                  {t("messages.ofCampaign", { id: m.campaign_id })}
                </TextLink>
              ),
          },
          { key: "due", label: t("queue.due"), wide: true, cell: (m) => <When at={m.due_at} /> },
          { key: "since", label: t("queue.since"), wide: true, cell: (m) => <When at={m.created_at} /> },
        ]}
      />
    </Part>
  );
}

interface ClearProps {
  /** What waited when it was asked for: what is typed is the number that is shown. */
  queue: View;
  channel: string | undefined;
  campaign: string | undefined;
  close: () => void;
  done: (clearing: number) => void;
}

/** Takes out what waits, after it was shown how much that is and what. */
function Clear({ queue, channel, campaign, close, done }: ClearProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const [planning, setPlanning] = useState(false);
  const n = waiting(queue);
  const planned = queue.planning ?? [];
  return (
    <Ask
      opened
      danger
      title={t("queue.clearTitle")}
      action={t("queue.clearN", { count: n, n: format.number(n) })}
      typed={typed(n)}
      run={async () => {
        const { data } = await client.DELETE("/v1/queue", {
          params: { query: { ...part(channel, campaign), ...(planning ? { cancel_planning: true } : {}) } },
        });
        if (data) done(data.id);
        await refresh("/v1/queue", "/v1/messages", "/v1/campaigns", "/v1/runs");
      }}
      close={close}
    >
      <Stack gap="xs">
        <Text size="sm">{t("queue.clearHint")}</Text>
        {!channel && !campaign && <Text size="sm">{t("queue.clearOfAll")}</Text>}
        {n > 0 && (
          <>
            <Text size="sm">{t("queue.examples")}</Text>
            <List size="sm">
              {examples(queue).map((m) => (
                <List.Item key={m.id}>
                  {m.address} {m.campaign_id !== undefined && t("messages.ofCampaign", { id: m.campaign_id })}
                </List.Item>
              ))}
            </List>
          </>
        )}
        {planned.length > 0 && (
          <Checkbox label={t("queue.alsoPlanning", { count: planned.length })} checked={planning} onChange={(e) => setPlanning(e.currentTarget.checked)} />
        )}
      </Stack>
    </Ask>
  );
}

/** What a clearing took, which stands in the address until it is closed. */
function Record({ id, close }: { id: number; close: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const read = api.useQuery("get", "/v1/queue/clearings/{id}", { params: { path: { id } } }, { refetchInterval: ({ state }) => (state.data?.finished_at ? false : 1000) });
  const record = read.data;
  if (read.error) return <Failure error={read.error} />;
  if (!record) return null;
  return (
    <Alert color="cyan" title={t("queue.record")} role="status">
      <Stack gap={4} align="flex-start">
        <Text size="sm">{t("queue.clearedN", { count: record.cleared, n: format.number(record.cleared) })}</Text>
        <Text size="sm">
          {t("queue.clearedBy", { who: record.actor })} · <When at={record.created_at} exact /> · {record.finished_at ? t("queue.writtenDown") : t("queue.stillWriting")}
        </Text>
        {(record.examples ?? []).length > 0 && (
          <>
            <Text size="sm">{t("queue.examples")}</Text>
            <List size="sm">
              {(record.examples ?? []).map((m) => (
                <List.Item key={m.message_id}>
                  <TextLink to="/messages/$id" params={{ id: String(m.message_id) }}>
                    {m.address}
                  </TextLink>
                </List.Item>
              ))}
            </List>
          </>
        )}
        <Button size="xs" variant="default" onClick={close}>
          {t("queue.recordDone")}
        </Button>
      </Stack>
    </Alert>
  );
}
