import { Badge, Card, Group, Text, Title, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { AddMenu } from "./AddMenu";
import { type Drawing, faults } from "./drawing";
import { remove } from "./graph";
import { exitName, summary } from "./steps";

/** The steps as a list: all that the canvas shows, in words. */
export function StepList({ drawing }: { drawing: Drawing }) {
  const { t } = useTranslation();
  const { graph, form, problem, here, chosen, choose, edit, fixed } = drawing;
  return (
    <Card withBorder component="section">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          {t("flow.steps")}
        </Title>
        {!fixed && <AddMenu drawing={drawing} label={t("flow.addFirst")} />}
      </Group>
      <ol className="flow-list" aria-label={t("flow.steps")}>
        {graph.nodes.map((step) => {
          const wrong = faults(problem, form.steps, step.id);
          const said = form.steps.find((s) => s.id === step.id);
          const ways = graph.edges.filter((e) => e.from === step.id).map((e) => [exitName(said, e.exit, t), `→ ${e.to}`].filter(Boolean).join(" "));
          const n = here.get(step.id) ?? 0;
          return (
            <li key={step.id}>
              <UnstyledButton
                w="100%"
                p={6}
                aria-pressed={step.id === chosen}
                onClick={() => choose(step.id === chosen ? undefined : step.id)}
                onKeyDown={(e) => {
                  if (e.key !== "Delete" || fixed || graph.nodes.length === 1) return;
                  const next = e.currentTarget.closest("li")?.nextElementSibling ?? e.currentTarget.closest("li")?.previousElementSibling;
                  edit((g) => remove(g, step.id));
                  next?.querySelector("button")?.focus();
                }}
              >
                <Group gap={6}>
                  <Text fw={700}>{step.id}</Text>
                  <Text size="sm">{t(`flow.kind.${step.kind}`)}</Text>
                  {n > 0 && <Badge>{t("flow.here", { count: n })}</Badge>}
                </Group>
                <Text size="sm" c="dimmed" truncate>
                  {summary(step, t)}
                </Text>
                <Text size="xs">{ways.join(", ")}</Text>
                {wrong.map((message) => (
                  <Text key={message} size="sm" c="red">
                    {message}
                  </Text>
                ))}
              </UnstyledButton>
            </li>
          );
        })}
      </ol>
    </Card>
  );
}
