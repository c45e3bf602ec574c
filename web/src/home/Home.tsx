import { Alert, Button, Grid, Group, List, Stack, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh } from "@/api/client";
import { useLive } from "@/app/live";
import { useMay, useSession } from "@/app/session";
import { Progress } from "@/campaigns/Progress";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { Part } from "@/ui/Part";
import { Hindrance } from "@/ui/Standstill";
import { RunBadge } from "@/ui/State";
import { When } from "@/ui/When";
import { ButtonLink, TextLink } from "@/ui/links";

import { Days } from "./Days";

const week = 7 * 24 * 3600 * 1000; // ms
const month = 29 * 24 * 3600 * 1000; // ms: with today 30 days

/** What goes on, what comes, and what needs a person. */
export default function Home() {
  const { t } = useTranslation();
  const session = useSession();
  const edits = useMay("editor");
  return (
    <Page
      title={t("home.title")}
      actions={
        edits && (
          <ButtonLink to="/campaigns/new">
            {t("campaigns.new")}
          </ButtonLink>
        )
      }
    >
      <Stack>
        {session.account.role !== "sender" && (
          <>
            <FirstSteps />
            <Needs />
            <Grid>
              <Grid.Col span={{ base: 12, md: 7 }}>
                <Now />
              </Grid.Col>
              <Grid.Col span={{ base: 12, md: 5 }}>
                <Next />
              </Grid.Col>
            </Grid>
            <LastDays />
          </>
        )}
        {session.account.role === "sender" && <Alert>{t("home.sender")}</Alert>}
      </Stack>
    </Page>
  );
}

/** What an empty installation lacks, in order. It goes when the first campaign is there. */
function FirstSteps() {
  const { t } = useTranslation();
  const admin = useMay("admin");
  const edits = useMay("editor");
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 1 } } });
  const contacts = api.useQuery("get", "/v1/contacts", { params: { query: { limit: 1 } } });
  const campaigns = api.useQuery("get", "/v1/campaigns", { params: { query: { limit: 1, archived: "all" } } });
  const sandbox = api.useMutation("post", "/v1/channels", { onSuccess: () => refresh("/v1/channels", "/v1/status") });
  if (!edits || !channels.data || !contacts.data || !campaigns.data) return null;
  const has = [channels, contacts, campaigns].map((q) => (q.data.items ?? []).length > 0);
  if (has[2]) return null;
  const steps: { done: boolean | undefined; words: string; action: ReactNode }[] = [
    {
      done: has[0],
      words: t("first.channel"),
      action: admin && (
        <>
          <ButtonLink size="xs" to="/channels/new">
            {t("channels.new")}
          </ButtonLink>
          <Button
            size="xs"
            variant="default"
            loading={sandbox.isPending}
            onClick={() => sandbox.mutate({ body: { name: "Sandbox", provider: "sandbox", config: {} } })}
          >
            {t("first.sandbox")}
          </Button>
        </>
      ),
    },
    {
      done: has[1],
      words: t("first.people"),
      action: (
        <ButtonLink size="xs" to="/contacts/import">
          {t("first.upload")}
        </ButtonLink>
      ),
    },
    {
      done: has[2],
      words: t("first.campaign"),
      action: (
        <ButtonLink size="xs" to="/campaigns/new">
          {t("campaigns.new")}
        </ButtonLink>
      ),
    },
  ];
  return (
    <Part title={t("first.title")}>
      <List listStyleType="none" spacing="sm">
        {steps.map(({ done, words, action }) => (
          <List.Item key={words} icon={<Text aria-hidden>{done ? "✓" : "○"}</Text>}>
            <Group gap="sm">
              <Text td={done ? "line-through" : "none"}>{words}</Text>
              {!done && action}
            </Group>
          </List.Item>
        ))}
      </List>
      <Failure error={sandbox.error} />
    </Part>
  );
}

/** Runs that go on, as they go on. */
function Now() {
  const { t } = useTranslation();
  const format = useFormat();
  const { runs } = useLive();
  const running = [...runs.values()].filter((run) => run.status === "sending" || run.status === "planning" || run.status === "paused");
  const ids = [...new Set(running.map((run) => run.campaign_id))];
  const names = api.useQuery("get", "/v1/campaigns", { params: { query: { limit: 500, status: "running" } } }, { enabled: ids.length > 0 });
  const name = (id: number) => names.data?.items?.find((c) => c.id === id)?.name ?? t("messages.ofCampaign", { id });
  return (
    <Part title={t("home.now")}>
      {running.length === 0 && <Text c="dimmed">{t("home.nothingNow")}</Text>}
      <Stack gap="sm">
        {running.map((run) => (
          <Stack key={run.id} gap={2}>
            <Group justify="space-between">
              <TextLink to="/campaigns/$id" params={{ id: String(run.campaign_id) }}>
                {name(run.campaign_id)}
              </TextLink>
              <RunBadge status={run.status} />
            </Group>
            <Progress run={run} />
            <Text size="sm" c="dimmed">
              {t("run.rate", { rate: format.number(Math.round(run.sent_per_second * 10) / 10) })}
              {run.estimated_end && (
                <>
                  {" · "}
                  {t("run.ends")} <When at={run.estimated_end} />
                </>
              )}
            </Text>
          </Stack>
        ))}
      </Stack>
    </Part>
  );
}

/** What fires within a week. */
function Next() {
  const { t } = useTranslation();
  const format = useFormat();
  const [to] = useState(() => new Date(Date.now() + week).toISOString());
  const calendar = api.useQuery("get", "/v1/calendar", { params: { query: { to } } }, { staleTime: 60_000 });
  const coming = (calendar.data?.items ?? []).filter((item) => item.status !== "skipped" && item.status !== "canceled").slice(0, 8);
  return (
    <Part title={t("home.next")}>
      <Failure error={calendar.error} />
      {calendar.data && coming.length === 0 && <Text c="dimmed">{t("home.nothingNext")}</Text>}
      <List listStyleType="none" spacing={4}>
        {coming.map((item) => (
          <List.Item key={`${item.campaign_id}-${item.instant}`}>
            <TextLink to="/campaigns/$id" params={{ id: String(item.campaign_id) }}>
              {item.campaign}
            </TextLink>{" "}
            <Text span size="sm" c="dimmed">
              <When at={item.starts_at ?? item.instant} exact /> · {t("home.recipients", { count: item.recipients, n: format.number(item.recipients) })}
            </Text>
          </List.Item>
        ))}
      </List>
    </Part>
  );
}

/** What waits for a person. Nothing where there is nothing. */
function Needs() {
  const { t } = useTranslation();
  const format = useFormat();
  const status = api.useQuery("get", "/v1/status", {}, { refetchInterval: 30_000 });
  const uploads = api.useQuery("get", "/v1/uploads", { params: { query: { limit: 10 } } });
  const notes = api.useQuery("get", "/v1/stats/notes");
  const doubt = status.data?.in_doubt ?? 0;
  const failed = (uploads.data?.items ?? []).filter((u) => u.state === "failed");
  const lines: { key: string; words: ReactNode }[] = [
    ...(status.data?.wrong ?? []).map((words) => ({ key: words, words })),
    ...(status.data?.hindrances ?? []).map((h) => ({
      key: h.words,
      words: <Hindrance of={h} />,
    })),
    ...(doubt > 0
      ? [
          {
            key: "doubt",
            words: (
              <TextLink to="/messages" search={{ state: "unknown" }}>
                {t("home.doubt", { count: doubt, n: format.number(doubt) })}
              </TextLink>
            ),
          },
        ]
      : []),
    ...failed.map((u) => ({ key: `upload-${u.id}`, words: t("home.failedUpload", { file: u.filename, why: u.error ?? "" }) })),
    ...(notes.data?.items ?? []).map((n) => ({ key: n.words, words: n.words })),
  ];
  return (
    <>
      <Failure error={status.error ?? uploads.error ?? notes.error} />
      {lines.length > 0 && (
        <Alert color="orange" title={t("home.needs")}>
          <List size="sm">
            {lines.map(({ key, words }) => (
              <List.Item key={key}>{words}</List.Item>
            ))}
          </List>
        </Alert>
      )}
    </>
  );
}

/** Messages of the last 30 days, day by day. */
function LastDays() {
  const { t } = useTranslation();
  const [[from, to]] = useState(() => [Date.now() - month, Date.now()].map((at) => new Date(at).toISOString().slice(0, 10)) as [string, string]);
  const rows = api.useQuery("get", "/v1/stats/channels", { params: { query: { from, interval: "day" } } }, { staleTime: 60_000 });
  return (
    <Part title={t("home.lastDays")}>
      <Failure error={rows.error} />
      {rows.data && <Days rows={(typeof rows.data === "object" && rows.data.items) || []} from={from} to={to} />}
    </Part>
  );
}
