import { Button, Card, Fieldset, Group, Loader, Stack, Text, TextInput, Title } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import type { Problem } from "@/api/problem";

import type { FlowForm } from "./form";
import { about } from "./rule";

const FlowRule = lazy(() => import("./FlowRule"));

interface Props {
  form: FlowForm;
  set: (form: FlowForm, by?: string) => void;
  problem: Problem | undefined;
}

/** Who leaves a flow wherever they stand, and with which outcome. */
export function Goals({ form, set, problem }: Props) {
  const { t } = useTranslation();
  const goals = (list: Schema<"Goal">[], by?: string) => set({ ...form, goals: list }, by);
  const put = (i: number, change: Partial<Schema<"Goal">>, by?: string) => goals(form.goals.map((old, j) => (j === i ? { ...old, ...change } : old)), by);
  return (
    <Card withBorder component="section">
      <Title order={2} size="h4" mb="sm">
        {t("flow.goals")}
      </Title>
      <Stack gap="sm">
        <Text size="sm">{t("flow.goalsHint")}</Text>
        {form.goals.map((goal, i) => (
          <Fieldset key={i} legend={t("flow.goal", { n: i + 1 })}>
            <Stack gap="xs">
              <Suspense fallback={<Loader size="sm" aria-label={t("common.loading")} />}>
                <FlowRule
                  rule={goal.rule}
                  steps={form.steps}
                  change={(rule, typing) => put(i, { rule }, typing ? `goal.${i}.rule` : undefined)}
                  problem={problem}
                  at={`goals[${i}].rule`}
                />
              </Suspense>
              <TextInput
                label={t("flow.outcome")}
                description={t("flow.outcomeHint")}
                value={goal.outcome}
                error={problem?.at(`goals[${i}].outcome`)}
                onChange={(e) => put(i, { outcome: e.currentTarget.value }, `goal.${i}.outcome`)}
              />
              <Group>
                <Button size="xs" variant="default" onClick={() => goals(form.goals.filter((_, j) => j !== i))}>
                  {t("flow.removeGoal")}
                </Button>
              </Group>
            </Stack>
          </Fieldset>
        ))}
        <Group>
          <Button size="xs" variant="default" onClick={() => goals([...form.goals, { rule: about("language"), outcome: "" }])}>
            {t("flow.addGoal")}
          </Button>
        </Group>
      </Stack>
    </Card>
  );
}
