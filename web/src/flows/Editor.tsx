import "./flows.css";

import { Alert, Button, Group, Loader, Stack, Tabs, Text } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { Problem } from "@/api/problem";
import { useKept } from "@/app/kept";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { CampaignBadge } from "@/ui/State";
import { When } from "@/ui/When";

import { Actions } from "./Actions";
import { type Drawing, edited } from "./drawing";
import { type FlowForm, formOf, inputOf } from "./form";
import { graphOf } from "./graph";
import { begun, put, redo, undo } from "./history";
import { People } from "./People";
import { Simulate } from "./Simulate";
import { StepList } from "./StepList";
import { StepPanel } from "./StepPanel";
import { Versions } from "./Versions";
import { Who } from "./Who";

const Canvas = lazy(() => import("./Canvas"));

/** Fields that say beside themselves what is wrong with them. */
const shown = ["steps", "name", "channel_id", "audience", "schedule", "triggers", "reentry", "goals"];
const views = ["steps", "who", "people", "simulate", "versions"] as const;
const often = 3000; // ms between two looks at who is where

/** The page of a flow: what is drawn is kept as it is drawn. */
export function Editor({ flow }: { flow: Schema<"Flow"> }) {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/flows/$id" });
  const navigate = useNavigate({ from: "/flows/$id" });
  const edits = useMay("editor");
  const [history, setHistory] = useState(() => begun(formOf(flow)));
  const [chosen, choose] = useState<string>();
  const [path, setPath] = useState<ReadonlySet<string>>(new Set());
  const [kept, setKept] = useState(flow);
  const form = history.now;
  const draft = flow.status === "draft";
  const fixed = !edits || !["draft", "running", "paused"].includes(flow.status);
  const view = views.find((v) => v === search.view) ?? "steps";
  const set = (next: FlowForm, by?: string) => setHistory((h) => put(h, next, by));

  const input = (f: FlowForm) => inputOf(f, draft);
  const write = async (_: unknown, f: FlowForm) => {
    const { data } = await client.PATCH("/v1/flows/{id}", { params: { path: { id: flow.id } }, body: input(f) });
    return data;
  };
  const saving = useKept(form, { complete: () => !fixed, input, write, path: "/v1/flows" }, kept, setKept);
  const problem = saving.error instanceof Problem ? saving.error : undefined;
  const report = api.useQuery("get", "/v1/flows/{id}/report", { params: { path: { id: flow.id } } }, { enabled: flow.version > 0, refetchInterval: often });

  useHotkeys([
    ["mod+Z", () => setHistory(undo)],
    ["mod+shift+Z", () => setHistory(redo)],
  ]);
  const graph = useMemo(() => graphOf(form.steps), [form.steps]);
  const drawing: Drawing = {
    form,
    graph,
    chosen: graph.nodes.some((n) => n.id === chosen) ? chosen : undefined,
    choose,
    edit: (change, by) => setHistory((h) => put(h, edited(h.now, change), by)),
    fixed,
    problem,
    here: new Map((report.data?.steps ?? []).map((s) => [s.step, s.here])),
    path: view === "simulate" ? path : new Set(),
  };
  const state = fixed ? "" : saving.error ? t("editor.notSaved") : saving.busy ? t("editor.saving") : t("editor.saved");
  return (
    <Page
      title={flow.name}
      within={{ label: t("flows.title"), to: "/flows" }}
      beside={
        <>
          <CampaignBadge status={flow.status} />
          <Text size="sm" c="dimmed" role="status">
            {state}
          </Text>
        </>
      }
      actions={<Actions flow={flow} keep={saving.now} faulty={saving.error !== null} />}
    >
      <Stack>
        {flow.pause && (
          <Alert color="orange" title={t("campaign.pausedBy", { who: flow.pause.by ?? t("campaign.itself") })}>
            {flow.pause.reason} <When at={flow.pause.since} />
          </Alert>
        )}
        {flow.changed && flow.version > 0 && <Alert color="cyan">{t("flow.changedHint")}</Alert>}
        {/* What is wrong with fields is said at these, and marked at the steps. */}
        {(!problem || problem.errors.length === 0 || problem.besides(...shown).length > 0) && <Failure error={saving.error} fields={shown} />}
        <Tabs value={view} onChange={(v) => void navigate({ search: { view: v === "steps" ? undefined : (v ?? undefined) }, replace: true })} keepMounted={false}>
          <Tabs.List>
            {views.map((v) => (
              <Tabs.Tab key={v} value={v}>
                {t(`flow.view.${v}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="steps" pt="sm">
            {!fixed && (
              <Group gap="xs" mb="sm">
                <Button size="xs" variant="default" disabled={history.past.length === 0} onClick={() => setHistory(undo)}>
                  {t("flow.undo")}
                </Button>
                <Button size="xs" variant="default" disabled={history.future.length === 0} onClick={() => setHistory(redo)}>
                  {t("flow.redo")}
                </Button>
                <Text size="sm" c="dimmed" visibleFrom="sm">
                  {t("flow.keys")}
                </Text>
              </Group>
            )}
            <Drawn drawing={drawing}>
              {drawing.chosen ? <StepPanel key={drawing.chosen} drawing={drawing} channel={form.whom.channel} /> : null}
              <StepList drawing={drawing} />
            </Drawn>
          </Tabs.Panel>
          <Tabs.Panel value="who" pt="sm">
            <Who form={form} set={set} problem={problem} draft={draft} fixed={fixed} />
          </Tabs.Panel>
          <Tabs.Panel value="people" pt="sm">
            <Drawn drawing={drawing}>
              <People flow={flow} report={report.data} chosen={drawing.chosen} choose={choose} />
            </Drawn>
          </Tabs.Panel>
          <Tabs.Panel value="simulate" pt="sm">
            <Drawn drawing={drawing}>
              <Simulate flow={flow} form={form} keep={saving.now} show={setPath} />
            </Drawn>
          </Tabs.Panel>
          <Tabs.Panel value="versions" pt="sm">
            <Versions flow={flow} />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </Page>
  );
}

/** The canvas, and beside it what belongs to what it shows. On a telephone there is only this. */
function Drawn({ drawing, children }: { drawing: Drawing; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="flow">
      <div className="flow-canvas">
        <Suspense fallback={<Loader aria-label={t("common.loading")} />}>
          <Canvas drawing={drawing} />
        </Suspense>
      </div>
      <Stack className="flow-beside">{children}</Stack>
    </div>
  );
}
