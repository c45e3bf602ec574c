import { ActionIcon, Autocomplete, Button, Fieldset, Group, JsonInput, NativeSelect, NumberInput, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";

import { type Drawing } from "./drawing";
import type { FieldProps } from "./fields";
import { addWay, change, connect, edge, removeWay, way } from "./graph";
import { bare, type Condition, facts, operators, type Rule, rowsOf } from "./rule";

/** The ways of a branch: by rules, or by chance. */
export function BranchFields({ step, set, problem, drawing }: FieldProps & { drawing: Drawing }) {
  const { t } = useTranslation();
  const { edit, graph, form } = drawing;
  const ways = step.branches ?? [];
  const shares = ways.every((one) => (one.share ?? 0) > 0 || one.rule === undefined);
  const put = (i: number, by: Partial<Schema<"BranchWay">>, what?: string) =>
    edit((g) => change(g, step.id, (s) => ({ ...s, branches: (s.branches ?? []).map((one, j) => (j === i ? { ...one, ...by } : one)) })), what && `${step.id}.${i}.${what}`);
  const fresh = (): Schema<"BranchWay"> => (shares ? { share: 10, next: "" } : { rule: first(), next: "" });
  const asked = form.steps.find((s) => s.kind === "ask" || s.kind === "send");
  const first = (): Rule => ({
    condition: "AND",
    rules: [asked?.kind === "send" ? { field: `steps.${asked.id}`, operator: "equal", value: "read" } : { field: asked ? `answers.${asked.id}` : "language", operator: "equal", value: "" }],
  });
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
              <RuleFields rule={one.rule} set={(rule, what) => put(i, { rule }, what)} steps={drawing} error={problem?.at(`branches[${i}].rule`)} />
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
      {problem?.at("branches") && <Text c="red" size="sm">{problem.at("branches")}</Text>}
      <Button size="xs" variant="default" onClick={() => edit((g) => addWay(g, step.id, fresh()))}>
        {t("flow.addWay")}
      </Button>
    </Stack>
  );
}

function RuleFields({ rule, set, steps, error }: { rule: unknown; set: (rule: unknown, what?: string) => void; steps: Drawing; error: string | undefined }) {
  const { t } = useTranslation();
  const known = api.useQuery("get", "/v1/targeting/fields", {}, { staleTime: Infinity }).data?.fields ?? [];
  const [text, setText] = useState(() => JSON.stringify(rule, null, 2));
  const rows = rowsOf(rule);
  if (!rows) {
    return (
      <JsonInput
        label={t("flow.ruleAsWritten")}
        autosize
        minRows={4}
        value={text}
        error={error}
        onChange={(v) => {
          setText(v);
          try {
            set(JSON.parse(v), "rule");
          } catch {
            // It is taken once it is whole.
          }
        }}
      />
    );
  }
  const own = steps.form.steps.flatMap((s) => (s.kind === "ask" ? [`answers.${s.id}`, `steps.${s.id}`] : s.kind === "send" ? [`steps.${s.id}`] : []));
  const put = (i: number, by: Partial<Condition>, what?: string) => set({ ...rows, rules: rows.rules.map((one, j) => (j === i ? { ...one, ...by } : one)) }, what && `${i}.${what}`);
  return (
    <Stack gap="xs">
      {rows.rules.map((one, i) => (
        <Stack key={i} gap={4}>
          <Group gap="xs" align="flex-end" wrap="nowrap">
            <Autocomplete flex={1} label={t("flow.field")} data={[...new Set([...own, ...known.map((f) => f.id)])]} limit={30} value={one.field} onChange={(field) => put(i, { field }, "field")} />
            {rows.rules.length > 1 && (
              <ActionIcon variant="default" size="lg" aria-label={t("flow.leaveOut", { what: one.field })} onClick={() => set({ ...rows, rules: rows.rules.filter((_, j) => j !== i) })}>
                ×
              </ActionIcon>
            )}
          </Group>
          <Group gap="xs" grow align="flex-end">
            <NativeSelect
              label={t("flow.operator")}
              value={one.operator}
              onChange={(e) => {
                const operator = e.currentTarget.value;
                const { value = "", ...rest } = one;
                const made = bare.includes(operator) ? { ...rest, operator } : { ...rest, operator, value };
                set({ ...rows, rules: rows.rules.map((old, j) => (j === i ? made : old)) });
              }}
              data={operators.map((value) => ({ value, label: t(`flow.op.${value}`) }))}
            />
            {!bare.includes(one.operator) &&
              (one.field.startsWith("steps.") ? (
                <NativeSelect label={t("flow.value")} value={String(one.value ?? "")} onChange={(e) => put(i, { value: e.currentTarget.value })} data={facts} />
              ) : (
                <TextInput label={t("flow.value")} value={String(one.value ?? "")} onChange={(e) => put(i, { value: e.currentTarget.value }, "value")} />
              ))}
          </Group>
        </Stack>
      ))}
      {error && <Text c="red" size="sm">{error}</Text>}
      <Group>
        <Button size="xs" variant="default" onClick={() => set({ ...rows, rules: [...rows.rules, { field: own[0] ?? "language", operator: "equal", value: "" }] })}>
          {t("flow.addCondition")}
        </Button>
        {rows.rules.length > 1 && (
          <SegmentedControl
            size="xs"
            aria-label={t("flow.join")}
            value={rows.condition}
            onChange={(condition) => set({ ...rows, condition })}
            data={(["AND", "OR"] as const).map((value) => ({ value, label: t(`flow.joined.${value}`) }))}
          />
        )}
      </Group>
    </Stack>
  );
}
