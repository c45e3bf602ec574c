import { Alert, Button, Card, Grid, Group, Loader, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { useLiveRun } from "@/app/live";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { Rows } from "@/ui/Rows";
import { CampaignBadge, RunBadge, StateBadge } from "@/ui/State";
import { useNow, When } from "@/ui/When";
import { ButtonLink, TextLink } from "@/ui/links";

import { funnel, states } from "./counts";
import { Progress } from "./Progress";

type Campaign = Schema<"Campaign">;
type Run = Schema<"Run">;

/** One campaign: where it stands, what became of whom, and what can be done about it. */
export default function CampaignPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/inside/campaigns/$id" }).id);
  const campaign = api.useQuery("get", "/v1/campaigns/{id}", { params: { path: { id } } });
  if (campaign.error) return <Failure error={campaign.error} again={() => void campaign.refetch()} />;
  if (!campaign.data) return <Loader aria-label={t("common.loading")} />;
  return <Known campaign={campaign.data} />;
}

function Known({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const read = api.useQuery("get", "/v1/runs/{id}", { params: { path: { id: campaign.run_id ?? 0 } } }, { enabled: campaign.run_id !== undefined });
  const run = useLiveRun(read.data);
  return (
    <Page
      title={campaign.name}
      within={{ label: t("campaigns.title"), to: "/campaigns" }}
      beside={<CampaignBadge status={campaign.status} />}
      actions={<Actions campaign={campaign} />}
    >
      <Stack>
        {campaign.standstill && (
          <Alert color="orange" title={t("campaign.still")}>
            {campaign.standstill.words} {campaign.standstill.remedy}
          </Alert>
        )}
        {campaign.pause && (
          <Alert color="orange" title={t("campaign.pausedBy", { who: campaign.pause.by ?? t("campaign.itself") })}>
            {campaign.pause.reason} <When at={campaign.pause.since} />
          </Alert>
        )}
        <Undo campaign={campaign} />
        {campaign.next_fire_at && (
          <Text>
            {t("campaign.fires")} <When at={campaign.next_fire_at} exact />
          </Text>
        )}
        {run ? <RunView campaign={campaign} run={run} /> : <Empty title={t("campaign.notRun")}>{t("campaign.notRunHint")}</Empty>}
        {campaign.run_id !== undefined && <Explain campaign={campaign} />}
        {campaign.run_id !== undefined && <Runs campaign={campaign} />}
        {campaign.notes && (
          <Card withBorder>
            <Title order={2} size="h4">
              {t("campaign.notes")}
            </Title>
            <Text style={{ whiteSpace: "pre-wrap" }}>{campaign.notes}</Text>
          </Card>
        )}
      </Stack>
    </Page>
  );
}

const soon = 10 * 60_000; // ms before it begins in which somebody may have second thoughts

/** Takes back the start of what goes out soon, while it has not begun: it is canceled, and a copy is there to go on with. */
function Undo({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(second);
  const edits = useMay("editor");
  const begins = new Date(campaign.next_fire_at ?? 0).getTime();
  const left = begins - now;
  const navigate = useNavigate();
  const undo = useMutation({
    mutationFn: async () => {
      const path = { params: { path: { id: campaign.id } } };
      await client.POST("/v1/campaigns/{id}/cancel", path);
      const { data: copy } = await client.POST("/v1/campaigns/{id}/duplicate", { ...path, body: { name: campaign.name } });
      await client.POST("/v1/campaigns/{id}/archive", path);
      await refresh("/v1/campaigns", "/v1/calendar");
      if (copy) await navigate({ to: "/campaigns/$id/edit", params: { id: String(copy.id) } });
    },
  });
  const waits = campaign.status === "scheduled" && campaign.run_id === undefined && campaign.kind !== "recurring" && left < soon;
  // What has begun is told by an event; what is late is looked at.
  const due = waits && left < 0;
  useEffect(() => {
    if (!due) return;
    const timer = setInterval(() => void refresh("/v1/campaigns"), 2 * second);
    return () => clearInterval(timer);
  }, [due]);
  if (!waits || !edits) return null;
  return (
    <Alert color="cyan" role="status">
      <Group justify="space-between">
        <Text>{left > 0 ? t("campaign.startsIn", { time: format.duration(left / second) }) : t("campaign.begins")}</Text>
        {left > 0 && (
          <Button size="xs" loading={undo.isPending} onClick={() => undo.mutate()}>
            {t("campaign.undo")}
          </Button>
        )}
      </Group>
      <Failure error={undo.error} />
    </Alert>
  );
}

const second = 1000; // ms

/** What can be done with a campaign in its state. */
function Actions({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const edits = useMay("editor");
  const [asked, setAsked] = useState<"pause" | "cancel" | "delete" | "resend">();
  const path = { params: { path: { id: campaign.id } } };
  const changed = () => refresh("/v1/campaigns", "/v1/runs");
  const pause = api.useMutation("post", "/v1/campaigns/{id}/pause", { onSuccess: changed });
  const resume = api.useMutation("post", "/v1/campaigns/{id}/resume", { onSuccess: changed });
  const duplicate = api.useMutation("post", "/v1/campaigns/{id}/duplicate", {
    onSuccess: async (made) => {
      await changed();
      await navigate({ to: "/campaigns/$id/edit", params: { id: String(made.id) } });
    },
  });
  if (!edits) return null;
  const draft = campaign.status === "draft" || campaign.status === "scheduled";
  const active = campaign.status === "running" || campaign.status === "scheduled" || campaign.status === "paused";
  const over = campaign.status === "finished" || campaign.status === "canceled" || campaign.status === "failed";
  return (
    <>
      {draft && (
        <ButtonLink to="/campaigns/$id/edit" params={{ id: String(campaign.id) }} variant="default">
          {t("campaign.edit")}
        </ButtonLink>
      )}
      {(campaign.status === "running" || campaign.status === "scheduled") && (
        <Button variant="default" loading={pause.isPending} onClick={() => pause.mutate(path)}>
          {t("campaign.pause")}
        </Button>
      )}
      {campaign.status === "paused" && (
        <Button loading={resume.isPending} onClick={() => resume.mutate(path)}>
          {t("campaign.resume")}
        </Button>
      )}
      {over && (
        <Button variant="default" onClick={() => setAsked("resend")}>
          {t("campaign.resend")}
        </Button>
      )}
      <Button variant="default" loading={duplicate.isPending} onClick={() => duplicate.mutate({ ...path, body: {} })}>
        {t("campaign.duplicate")}
      </Button>
      {active && (
        <Button color="red" variant="outline" onClick={() => setAsked("cancel")}>
          {t("campaign.cancel")}
        </Button>
      )}
      {campaign.status === "draft" && (
        <Button color="red" variant="outline" onClick={() => setAsked("delete")}>
          {t("campaign.delete")}
        </Button>
      )}
      <Failure error={pause.error ?? resume.error ?? duplicate.error} />
      <Ask
        opened={asked === "cancel"}
        title={t("campaign.cancelTitle", { name: campaign.name })}
        action={t("campaign.cancel")}
        danger
        run={async () => {
          await client.POST("/v1/campaigns/{id}/cancel", path);
          await changed();
        }}
        close={() => setAsked(undefined)}
      >
        {t("campaign.cancelHint")}
      </Ask>
      <Ask
        opened={asked === "delete"}
        title={t("campaign.deleteTitle", { name: campaign.name })}
        action={t("campaign.delete")}
        danger
        run={async () => {
          await client.DELETE("/v1/campaigns/{id}", path);
          await navigate({ to: "/campaigns" });
          await changed();
        }}
        close={() => setAsked(undefined)}
      >
        {t("campaign.deleteHint")}
      </Ask>
      {asked === "resend" && <Resend campaign={campaign} close={() => setAsked(undefined)} />}
    </>
  );
}

/** Sends a campaign to those whom it did not reach, after it was said how many these are. */
function Resend({ campaign, close, states: only }: { campaign: Campaign; close: () => void; states?: ("failed" | "rejected" | "skipped" | "canceled")[] }) {
  const { t } = useTranslation();
  const body = only ? { states: only } : {};
  const params = { path: { id: campaign.id } };
  const preview = api.useQuery("post", "/v1/campaigns/{id}/resend", { params, body: { ...body, dry_run: true } }, { staleTime: 0 });
  const nobody = preview.data?.matched === 0;
  return (
    <Ask
      opened
      title={t("campaign.resendTitle")}
      action={nobody ? t("common.close") : t("campaign.resendTo", { count: preview.data?.reachable ?? 0 })}
      run={async () => {
        if (nobody || !preview.data) return;
        const { data } = await client.POST("/v1/campaigns/{id}/resend", { params, body });
        notifications.show({ message: (data?.says ?? []).join(" ") || t("campaign.resent") });
        await refresh("/v1/campaigns", "/v1/runs");
      }}
      close={close}
    >
      {preview.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
      <Failure error={preview.error} />
      {(preview.data?.says ?? []).map((line) => (
        <Text key={line} size="sm">
          {line}
        </Text>
      ))}
    </Ask>
  );
}

/** A run: how far it is, what became of its messages, and the proof. */
function RunView({ campaign, run }: { campaign: Campaign; run: Run }) {
  const { t } = useTranslation();
  const format = useFormat();
  const steps = funnel(run);
  const most = steps[0]?.n ?? 0;
  const [proving, setProving] = useState(false);
  const proof = api.useQuery("get", "/v1/campaigns/{id}/verify", { params: { path: { id: campaign.id } } }, { enabled: proving, staleTime: 0 });
  const proven = proof.data?.runs?.find((v) => v.run_id === run.id);
  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Card withBorder h="100%">
          <Stack gap="xs">
            <Group justify="space-between">
              <Title order={2} size="h4">
                {t("run.title")}
              </Title>
              <RunBadge status={run.status} />
            </Group>
            <Progress run={run} />
            <Group gap="lg">
              <Text size="sm">{t("run.rate", { rate: format.number(Math.round(run.sent_per_second * 10) / 10) })}</Text>
              {run.estimated_end && (
                <Text size="sm">
                  {t("run.ends")} <When at={run.estimated_end} />
                </Text>
              )}
              {run.finished_at && (
                <Text size="sm">
                  {t("run.ended")} <When at={run.finished_at} exact />
                </Text>
              )}
            </Group>
            {(run.says ?? []).map((line) => (
              <Alert key={line} color="orange">
                {line}
              </Alert>
            ))}
            <Table aria-label={t("run.funnel")} withRowBorders={false} verticalSpacing={3}>
              <Table.Tbody>
                {steps.map(({ step, n }) => (
                  <Table.Tr key={step}>
                    <Table.Th scope="row" w="9rem">
                      {t(`run.step.${step}`)}
                    </Table.Th>
                    <Table.Td className="numbers" w="6rem">
                      {format.number(n)}
                    </Table.Td>
                    <Table.Td>
                      <svg width="100%" height="12" aria-hidden="true">
                        <rect width={`${most > 0 ? (n / most) * 100 : 0}%`} height="12" rx="2" fill="var(--mantine-color-cyan-8)" />
                      </svg>
                    </Table.Td>
                    <Table.Td className="numbers" w="4.5rem">
                      {most > 0 ? format.percent(n / most) : ""}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Stack>
        </Card>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Card withBorder h="100%">
          <Stack gap="xs">
            <Title order={2} size="h4">
              {t("run.states")}
            </Title>
            <Table verticalSpacing={3} aria-label={t("run.states")}>
              <Table.Tbody>
                {states
                  .filter((state) => (run.counts[state] ?? 0) > 0)
                  .map((state) => (
                    <Table.Tr key={state}>
                      <Table.Td>
                        <StateBadge state={state} />
                      </Table.Td>
                      <Table.Td className="numbers">
                        <TextLink to="/messages" search={{ campaign: String(campaign.id), run: String(run.id), state }}>
                          {format.number(run.counts[state] ?? 0)}
                        </TextLink>
                      </Table.Td>
                    </Table.Tr>
                  ))}
              </Table.Tbody>
            </Table>
            <Group>
              <Button size="xs" variant="default" component="a" href={`/v1/runs/${run.id}/messages.csv`} download>
                {t("run.csv")}
              </Button>
              <Button size="xs" variant="default" loading={proof.isFetching} onClick={() => (proving ? void proof.refetch() : setProving(true))}>
                {t("run.prove")}
              </Button>
            </Group>
            <Failure error={proof.error} />
            {proven && (proven.problems ?? []).length === 0 && (
              <Alert color="green">
                {t("run.proven", {
                  planned: format.number(proven.planned),
                  rows: format.number(Object.values(proven.rows).reduce((sum, n) => sum + n, 0)),
                })}
              </Alert>
            )}
            {proven && (proven.problems ?? []).length > 0 && <Alert color="red">{(proven.problems ?? []).join(" ")}</Alert>}
          </Stack>
        </Card>
      </Grid.Col>
    </Grid>
  );
}

/** Answers for one person: who has it, who has not, and why. */
function Explain({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const [given, setGiven] = useState("");
  const [recipient, setRecipient] = useState("");
  const explained = api.useQuery(
    "get",
    "/v1/campaigns/{id}/explain",
    { params: { path: { id: campaign.id }, query: { recipient } } },
    { enabled: recipient !== "", staleTime: 0 },
  );
  return (
    <Card withBorder>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (given === recipient) void explained.refetch();
          else setRecipient(given.trim());
        }}
      >
        <Group align="flex-end">
          <TextInput
            label={t("explain.title")}
            description={t("explain.hint")}
            value={given}
            onChange={(e) => setGiven(e.currentTarget.value)}
            flex={1}
            miw="14rem"
          />
          <Button type="submit" variant="default" loading={explained.isFetching} disabled={given.trim() === ""}>
            {t("explain.ask")}
          </Button>
        </Group>
      </form>
      <Stack gap={4} mt="xs" aria-live="polite">
        <Failure error={explained.error} />
        {(explained.data?.says ?? []).map((line) => (
          <Text key={line}>{line}</Text>
        ))}
        {(explained.data?.messages ?? []).map((m) => (
          <Group key={m.id} gap="xs">
            <StateBadge state={m.state} />
            <TextLink to="/messages/$id" params={{ id: String(m.id) }}>
              {m.address}
            </TextLink>
            <Text size="sm" c="dimmed">
              {m.detail ?? m.reason}
            </Text>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}

/** Runs of a campaign, where there are several. */
function Runs({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const format = useFormat();
  const list = api.useQuery("get", "/v1/campaigns/{id}/runs", { params: { path: { id: campaign.id }, query: { limit: 50 } } });
  const items = list.data?.items ?? [];
  if (items.length < 2) return null;
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {t("run.all")}
      </Title>
      <Rows<Run>
        label={t("run.all")}
        rows={items}
        id={(r) => r.id}
        empty={null}
        columns={[
          { key: "instant", label: t("run.instant"), cell: (r) => <When at={r.instant} exact /> },
          { key: "status", label: t("campaigns.status"), cell: (r) => <RunBadge status={r.status} /> },
          { key: "kind", label: t("run.kind"), wide: true, cell: (r) => t(`run.kinds.${r.kind}`) },
          { key: "planned", label: t("run.step.planned"), numbers: true, cell: (r) => format.number(r.total) },
          { key: "sent", label: t("run.step.sent"), numbers: true, cell: (r) => format.number(funnel(r).find(({ step }) => step === "sent")?.n ?? 0) },
          { key: "why", label: t("run.why"), wide: true, cell: (r) => r.detail ?? r.reason },
        ]}
      />
    </Stack>
  );
}
