import { Alert, Button, Grid, Group, Loader, Stack, Table, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { tell, useLive } from "@/app/live";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { Part } from "@/ui/Part";
import { ChannelBadge, HealthBadge, StateBadge } from "@/ui/State";
import { Remedy } from "@/ui/Standstill";
import { When } from "@/ui/When";
import { Why } from "@/ui/Why";
import { TextLink } from "@/ui/links";

import { PauseOrResume } from "./actions";
import { Domain } from "./Domain";
import { Probe } from "./Probe";
import { ProviderFields, SendingFields, shownFields } from "./fields";
import { changeOf, type Form, formOf } from "./form";
import { someTwice } from "./mailboxes";
import { settingsOf } from "./settings";

type Channel = Schema<"Channel">;

/** One channel: how it stands, why nothing goes out where nothing does, and what it is made of. */
export default function ChannelPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/inside/channels/$id" }).id);
  const read = api.useQuery("get", "/v1/channels/{id}", { params: { path: { id } } });
  const providers = api.useQuery("get", "/v1/providers", {}, { staleTime: Infinity });
  const told = useLive().channels.get(id);
  const error = read.error ?? providers.error;
  if (error) return <Failure error={error} again={() => void Promise.all([read.refetch(), providers.refetch()])} />;
  if (!read.data || !providers.data) return <Loader aria-label={t("common.loading")} />;
  const channel = tell(read.data, told);
  const provider = providers.data.items?.find((p) => p.name === channel.provider);
  return <Known channel={channel} provider={provider} />;
}

function Known({ channel, provider }: { channel: Channel; provider: Schema<"Provider"> | undefined }) {
  const { t } = useTranslation();
  const admin = useMay("admin");
  return (
    <Page
      title={channel.name}
      within={{ label: t("channels.title"), to: "/channels" }}
      beside={
        <>
          <ChannelBadge status={channel.status} />
          {channel.health.state !== "ok" && <HealthBadge state={channel.health.state} />}
        </>
      }
      actions={
        <>
          <PauseOrResume channel={channel} />
          {admin && <Delete channel={channel} />}
        </>
      }
    >
      <Stack>
        <Troubles channel={channel} />
        <Grid>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <Now channel={channel} provider={provider} />
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <Test channel={channel} />
          </Grid.Col>
        </Grid>
        <Probe channel={channel} keeps={provider?.can.templates ?? false} />
        {channel.sender_domain && <Domain channel={channel} signs={provider?.can.signs ?? false} />}
        {admin && provider ? <Edit key={channel.id} channel={channel} provider={provider} /> : <Shown channel={channel} />}
      </Stack>
    </Page>
  );
}

/** Why nothing goes out, and what to do; what the provider said. */
function Troubles({ channel }: { channel: Channel }) {
  const { t } = useTranslation();
  const { standstill, health } = channel;
  return (
    <>
      {standstill && (
        <Alert color="orange" title={t("campaign.still")} role="status">
          {standstill.words} <Remedy of={standstill} />
        </Alert>
      )}
      {!standstill && channel.status_reason && channel.status !== "active" && (
        <Alert color="orange" title={t(`channel.status.${channel.status}`)} role="status">
          {channel.status_reason} <When at={channel.status_since} />
        </Alert>
      )}
      {health.state !== "ok" && health.reason && !standstill?.words.includes(health.reason) && (
        <Alert color="red" title={t(`channel.health.${health.state}`)} role="status">
          {health.reason}
          {health.next_try_at && (
            <>
              {" "}
              {t("channel.nextTry")} <When at={health.next_try_at} />
            </>
          )}
        </Alert>
      )}
    </>
  );
}

/** What goes out now, and what may. */
function Now({ channel, provider }: { channel: Channel; provider: Schema<"Provider"> | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const live = useLive();
  const depth = live.queue.get(channel.id);
  const n = (of: "pending" | "queued" | "sending") => (depth || live.connected ? format.number(depth?.[of] ?? 0) : "");
  const warmth = channel.warm_up;
  const pace = channel.pace;
  const perSecond = (n: number) => t("run.rate", { rate: format.number(Math.round(n * 100) / 100) });
  const lines: [string, React.ReactNode][] = [
    [t("channels.provider"), provider?.title ?? channel.provider],
    [t("channels.address"), channel.address],
    [t("message.state.pending"), n("pending")],
    [t("message.state.queued"), n("queued")],
    [t("message.state.sending"), n("sending")],
    ...(pace
      ? ([
          [t("channel.rateNow"), pace.most_per_second === undefined ? t("channels.noLimit") : perSecond(pace.most_per_second)],
          [t("channel.rateSet"), channel.limits.per_second ? perSecond(channel.limits.per_second) : t("channels.noLimit")],
          [t("channel.rateWhy"), <Why key="why" pace={pace} />],
        ] as [string, React.ReactNode][])
      : []),
    ...(channel.requests ? [[t("channel.requests"), format.number(channel.requests)] as [string, React.ReactNode]] : []),
    ...(warmth ? [[t("channel.warmNow"), format.number(warmth.allowance)] as [string, React.ReactNode]] : []),
    ...(warmth?.grows_at ? [[t("channel.warmGrows"), <When key="grows" at={warmth.grows_at} />] as [string, React.ReactNode]] : []),
  ];
  return (
    <Part title={t("home.now")}>
      <Table aria-label={t("home.now")} verticalSpacing={3} withRowBorders={false}>
        <Table.Tbody>
          {lines.map(([label, value]) => (
            <Table.Tr key={label}>
              <Table.Th scope="row">{label}</Table.Th>
              <Table.Td>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {warmth?.slowed && <Alert color="orange">{warmth.slowed}</Alert>}
      <TextLink to="/queue" search={{ channel: String(channel.id) }}>
        {t("queue.ofChannel")}
      </TextLink>
    </Part>
  );
}

/** States in which it is still to be told what becomes of a message. */
const open: readonly Schema<"Message">["state"][] = ["pending", "queued", "sending"];

/** Sends one message through the channel, and shows what becomes of it. */
function Test({ channel }: { channel: Channel }) {
  const { t } = useTranslation();
  const session = api.useQuery("get", "/v1/session").data;
  const edits = useMay("editor");
  const [given, setGiven] = useState<string>();
  const to = given ?? (channel.address === "email" ? (session?.email ?? "") : "");
  const send = api.useMutation("post", "/v1/channels/{id}/test", { onSuccess: () => refresh("/v1/messages", "/v1/queue") });
  const sent = api.useQuery(
    "get",
    "/v1/messages/{id}",
    { params: { path: { id: send.data?.id ?? 0 } } },
    { enabled: send.data !== undefined, refetchInterval: (query) => (!query.state.data || open.includes(query.state.data.state) ? 1000 : false) },
  );
  const message = sent.data ?? send.data;
  if (!edits) return null;
  return (
    <Part title={t("channel.test")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          send.mutate({ params: { path: { id: channel.id } }, body: { to: to.trim() } });
        }}
      >
        <Stack gap="xs">
          <TextInput
            label={t("editor.testTo")}
            description={t("channel.testHint", { address: channel.address })}
            required
            value={to}
            error={wrong(send.error, "to")}
            onChange={(e) => setGiven(e.currentTarget.value)}
          />
          <Failure error={send.error} fields={["to"]} />
          <Group>
            <Button type="submit" variant="default" loading={send.isPending}>
              {t("editor.test")}
            </Button>
          </Group>
        </Stack>
      </form>
      <Group mt="xs" gap="xs" role="status">
        {message && (
          <>
            <StateBadge state={message.state} />
            <TextLink to="/messages/$id" params={{ id: String(message.id) }}>
              {message.address}
            </TextLink>
            <Text size="sm">{message.detail ?? message.reason}</Text>
          </>
        )}
      </Group>
    </Part>
  );
}

/** The channel's settings and limits, as an admin changes them. */
function Edit({ channel, provider }: { channel: Channel; provider: Schema<"Provider"> }) {
  const { t } = useTranslation();
  const settings = settingsOf(provider.config);
  const [form, setForm] = useState<Form>(() => formOf(settings, channel));
  const [stored, setStored] = useState(channel.config);
  const set = (change: Partial<Form>) => setForm((old) => ({ ...old, ...change }));
  const save = api.useMutation("patch", "/v1/channels/{id}", {
    onSuccess: async (kept) => {
      // Secrets that were written are kept now, and shown no more.
      setForm(formOf(settings, kept));
      setStored(kept.config);
      notifications.show({ message: t("channel.saved", { name: kept.name }) });
      await refresh("/v1/channels", "/v1/status");
    },
  });
  return (
    <form
      aria-label={t("channel.settings")}
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate({ params: { path: { id: channel.id } }, body: changeOf(settings, form) });
      }}
    >
      <Stack maw="60rem">
        <TextInput maw="30rem" label={t("channels.name")} required maxLength={200} value={form.name} error={wrong(save.error, "name")} onChange={(e) => set({ name: e.currentTarget.value })} />
        <ProviderFields settings={settings} stored={stored} form={form} set={set} error={save.error} />
        <SendingFields address={provider.address} form={form} set={set} error={save.error} />
        <Failure error={save.error} fields={shownFields(settings)} />
        <Group>
          <Button type="submit" loading={save.isPending} disabled={someTwice(form.mailboxes)}>
            {t("common.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The channel's settings for those who may only look. */
function Shown({ channel }: { channel: Channel }) {
  const { t } = useTranslation();
  return (
    <Part title={t("channel.settings")}>
      <Table aria-label={t("channel.settings")} verticalSpacing={3}>
        <Table.Tbody>
          {Object.entries(channel.config).map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row">{name}</Table.Th>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{typeof value === "string" ? value : JSON.stringify(value)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Part>
  );
}

function Delete({ channel }: { channel: Channel }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [asked, setAsked] = useState(false);
  return (
    <>
      <Button color="red" variant="outline" onClick={() => setAsked(true)}>
        {t("channel.delete")}
      </Button>
      <Ask
        opened={asked}
        danger
        title={t("channel.deleteTitle", { name: channel.name })}
        action={t("channel.delete")}
        run={async () => {
          await client.DELETE("/v1/channels/{id}", { params: { path: { id: channel.id } } });
          await navigate({ to: "/channels" });
          await refresh("/v1/channels", "/v1/status");
        }}
        close={() => setAsked(false)}
      >
        {t("channel.deleteHint")}
      </Ask>
    </>
  );
}
