import { Button, Fieldset, Group, Loader, NativeSelect, NumberInput, SegmentedControl, Stack, Text } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";

import { type Drawing } from "./drawing";
import type { FieldProps } from "./fields";
import { addWay, change, connect, edge, removeWay, way } from "./graph";
import { about } from "./rule";

const FlowRule = lazy(() => import("./FlowRule"));

/** The ways of a branch: by rules, or by chance. */
export function BranchFields({ step, set, problem, drawing }: FieldProps & { drawing: Drawing }) {
  const { t } = useTranslation();
  const { edit, graph, form } = drawing;
  const ways = step.branches ?? [];
  const shares = ways.every((one) => (one.share ?? 0) > 0 || one.rule === undefined);
  // What is wrong within a way is said there.
  const few = problem?.errors.find(({ location }) => location === "body.branches")?.message;
  const put = (i: number, by: Partial<Schema<"BranchWay">>, what?: string) =>
    edit((g) => change(g, step.id, (s) => ({ ...s, branches: (s.branches ?? []).map((one, j) => (j === i ? { ...one, ...by } : one)) })), what && `${step.id}.${i}.${what}`);
  const fresh = (): Schema<"BranchWay"> => (shares ? { share: 10, next: "" } : { rule: first(), next: "" });
  const asked = form.steps.find((s) => s.kind === "ask" || s.kind === "send");
  const first = () => (asked?.kind === "send" ? about(`steps.${asked.id}`, "read") : about(asked ? `answers.${asked.id}` : "language"));
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label={t("flow.branchBy")}
        value={shares ? "share" : "rule"}
        onChange={(v) => set({ branches: ways.map(({ next }) => (v === "share" ? { share: 10, next } : { rule: first(), next })) })}
        data={(["rule", "share"] as const).map((value) => ({ value, label: t(`flow.by.${value}`) }))}
      />
      {ways.map((one, i) => (
        <Fieldset key={i} legend={t("flow.way", { n: i + 1 })}>
          <Stack gap="xs">
            {shares ? (
              <NumberInput label={t("flow.share")} suffix=" %" min={1} max={100} value={one.share ?? 0} error={problem?.at(`branches[${i}]`)} onChange={(v) => put(i, { share: Number(v) }, "share")} />
            ) : (
              <Suspense fallback={<Loader size="sm" aria-label={t("common.loading")} />}>
                <FlowRule
                  rule={one.rule}
                  steps={form.steps}
                  change={(rule, typing) => put(i, { rule }, typing ? "rule" : undefined)}
                  problem={problem}
                  at={`branches[${i}].rule`}
                />
              </Suspense>
            )}
            <NativeSelect
              label={t("flow.leadsTo")}
              value={edge(graph, step.id, way(i))?.to ?? ""}
              error={problem?.at(`branches[${i}].next`)}
              onChange={(e) => edit((g) => connect(g, step.id, way(i), e.currentTarget.value || undefined))}
              data={[{ value: "", label: t("flow.nowhere") }, ...form.steps.filter((s) => s.id !== step.id).map((s) => s.id)]}
            />
            <Group>
              <Button size="xs" variant="default" disabled={ways.length === 1} onClick={() => edit((g) => removeWay(g, step.id, i))}>
                {t("flow.removeWay")}
              </Button>
            </Group>
          </Stack>
        </Fieldset>
      ))}
      {few && <Text c="red" size="sm">{few}</Text>}
      <Button size="xs" variant="default" onClick={() => edit((g) => addWay(g, step.id, fresh()))}>
        {t("flow.addWay")}
      </Button>
    </Stack>
  );
}
