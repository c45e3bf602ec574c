import { Alert, Badge, Button, Card, Group, NativeSelect, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { TextLink } from "@/ui/links";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

type Flow = Schema<"Flow">;

/** Who is in a flow and was, where, and what they answered. */
export function People({ flow, report, chosen, choose }: { flow: Flow; report: Schema<"FlowReport"> | undefined; chosen: string | undefined; choose: (id: string | undefined) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const [proving, setProving] = useState(false);
  const id = { path: { id: flow.id } };
  const proof = api.useQuery("get", "/v1/flows/{id}/verify", { params: id }, { enabled: proving, staleTime: 0 });
  if (flow.version === 0) return <Empty title={t("flow.notStarted")}>{t("flow.notStartedHint")}</Empty>;
  return (
    <>
      <Card withBorder component="section">
        <Title order={2} size="h4" mb="xs">
          {t("flow.where")}
        </Title>
        <Text>{t("flow.counts", { entered: format.number(report?.entered ?? flow.entered), inside: format.number(report?.inside ?? flow.inside) })}</Text>
        <Group gap="xs" my="xs">
          {(report?.outcomes ?? []).map((o) => (
            <Badge key={`${o.outcome} ${o.reason ?? ""}`} variant="default">
              {[o.outcome, o.reason].filter(Boolean).join(", ")}: {format.number(o.count)}
            </Badge>
          ))}
        </Group>
        <Group gap="xs">
          <Button size="xs" variant="default" loading={proof.isFetching} onClick={() => (proving ? void proof.refetch() : setProving(true))}>
            {t("run.prove")}
          </Button>
          {edits && (
            <Button size="xs" variant="default" component="a" href={`/v1/flows/${flow.id}/answers.csv`} download>
              {t("flow.answersCSV")}
            </Button>
          )}
        </Group>
        <Failure error={proof.error} />
        {proof.data && (proof.data.problems ?? []).length === 0 && (
          <Alert color="green" mt="xs">
            {t("flow.proven", { count: proof.data.entered })}
          </Alert>
        )}
        {proof.data && (proof.data.problems ?? []).length > 0 && <Alert color="red">{(proof.data.problems ?? []).join(" ")}</Alert>}
      </Card>
      {edits && flow.status === "running" && !flow.closed_at && <Enter flow={flow} />}
      <Sessions flow={flow} report={report} step={chosen} choose={choose} />
      <Answers flow={flow} />
    </>
  );
}

/** Lets somebody enter by an address or their id. */
function Enter({ flow }: { flow: Flow }) {
  const { t } = useTranslation();
  const [who, setWho] = useState("");
  const enter = api.useMutation("post", "/v1/flows/{id}/enter", {
    onSuccess: async () => {
      setWho("");
      await refresh("/v1/flows");
    },
  });
  const left = enter.data?.left ?? [];
  const known = (reason: Schema<"FlowLeft">["reason"]) => t(`flow.left.${reason}`);
  const contact = who.includes("@") ? { address: who.trim() } : /^\+\d+$/.test(who.trim()) ? { address: who.trim(), kind: "phone" as const } : { external_id: who.trim() };
  return (
    <Card withBorder component="section">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          enter.mutate({ params: { path: { id: flow.id } }, body: { contacts: [contact] } });
        }}
      >
        <Group align="flex-end">
          <TextInput flex={1} label={t("flow.enter")} description={t("flow.enterHint")} value={who} error={wrong(enter.error, "contacts")} onChange={(e) => setWho(e.currentTarget.value)} />
          <Button type="submit" variant="default" loading={enter.isPending} disabled={who.trim() === ""}>
            {t("flow.letIn")}
          </Button>
        </Group>
      </form>
      <Text size="sm" role="status">
        {enter.data && (left.length > 0 ? left.map((l) => known(l.reason)).join(" ") : t("flow.entered"))}
      </Text>
      <Failure error={enter.error} fields={["contacts"]} />
    </Card>
  );
}

const often = 5000; // ms between two looks at who is where

function Sessions({ flow, report, step, choose }: { flow: Flow; report: Schema<"FlowReport"> | undefined; step: string | undefined; choose: (id: string | undefined) => void }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery(
    "get",
    "/v1/flows/{id}/sessions",
    { params: { path: { id: flow.id }, query: { limit: 50, ...(step ? { step, ended: "false" as const } : {}) } } },
    { ...pages, refetchInterval: often },
  );
  return (
    <Card withBorder component="section">
      <Title order={2} size="h4" mb="xs">
        {t("flow.people")}
      </Title>
      <Stack gap="xs">
        <NativeSelect
          label={t("flow.atStep")}
          value={step ?? ""}
          onChange={(e) => choose(e.currentTarget.value || undefined)}
          data={[{ value: "", label: t("flow.anyStep") }, ...(report?.steps ?? []).map((s) => ({ value: s.step, label: `${s.step} (${s.here})` }))]}
        />
        <Rows<Schema<"FlowSession">>
          label={t("flow.people")}
          rows={list.data?.pages.flatMap((p) => p.items ?? [])}
          id={(s) => s.id}
          error={list.error}
          empty={<Text size="sm">{t("flow.nobody")}</Text>}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          columns={[
            { key: "who", label: t("flow.person"), cell: (s) => <Person id={s.contact_id} /> },
            { key: "step", label: t("flow.step"), cell: (s) => (s.ended_at ? [s.outcome, s.reason].filter(Boolean).join(", ") : `${s.step}, ${t(`flow.phase.${s.phase}`)}`) },
            { key: "since", label: t("flow.since"), wide: true, cell: (s) => <When at={s.moved_at} /> },
          ]}
        />
      </Stack>
    </Card>
  );
}

const Person = ({ id }: { id: number }) => (
  <TextLink to="/contacts/$id" params={{ id: String(id) }}>
    #{id}
  </TextLink>
);

function Answers({ flow }: { flow: Flow }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/flows/{id}/answers", { params: { path: { id: flow.id }, query: { limit: 50 } } }, { ...pages, refetchInterval: often });
  const rows = list.data?.pages.flatMap((p) => p.items ?? []);
  if (!flow.steps?.some((s) => s.kind === "ask" || s.kind === "call")) return null;
  return (
    <Card withBorder component="section">
      <Title order={2} size="h4" mb="xs">
        {t("flow.answers")}
      </Title>
      <Rows<Schema<"FlowAnswer">>
        label={t("flow.answers")}
        rows={rows}
        id={(a) => a.id}
        error={list.error}
        empty={<Text size="sm">{t("flow.noAnswers")}</Text>}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        columns={[
          { key: "who", label: t("flow.person"), cell: (a) => <Person id={a.contact_id} /> },
          { key: "step", label: t("flow.step"), cell: (a) => a.step },
          { key: "text", label: t("flow.answer"), cell: (a) => a.text },
          { key: "at", label: t("flow.since"), wide: true, cell: (a) => <When at={a.at} /> },
        ]}
      />
    </Card>
  );
}

/** Takes people from an older version to the one in force. */
export async function move(flow: number, version: number, steps: Record<string, string>, dry: boolean): Promise<Schema<"FlowMoved"> | undefined> {
  const { data } = await client.POST("/v1/flows/{id}/versions/{version}/move", { params: { path: { id: flow, version } }, body: { steps, dry_run: dry } });
  return data;
}
