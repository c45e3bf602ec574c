import { Button, Card, Fieldset, Group, NativeSelect, Stack, Text, TextInput, Title } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { AddMenu } from "./AddMenu";
import { BranchFields } from "./BranchFields";
import { type Drawing, faults } from "./drawing";
import { SayFields, QuestionFields } from "./SayFields";
import { CallFields, EndFields, SetFields, StartFields, WaitFields } from "./fields";
import { addFallback, change, connect, edge, exitsOf, free, remove, rename, type Step } from "./graph";
import { blank, exitName } from "./steps";

const named = /^[a-z][a-z0-9_]{0,62}$/;

/** The settings of a step, and where it leads. */
export function StepPanel({ drawing, channel }: { drawing: Drawing; channel: number }) {
  const { t } = useTranslation();
  const { graph, form, chosen = "", choose, edit, fixed } = drawing;
  const at = form.steps.findIndex((s) => s.id === chosen);
  const step = form.steps[at];
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  if (!step) return null;
  const problem = drawing.problem?.within(`steps[${at}]`);
  const set = (by: Partial<Step>, what?: string) => edit((g) => change(g, chosen, (s) => ({ ...s, ...by })), what && `${chosen}.${what}`);
  const props = { step, set, problem, fixed };
  const whole = faults(drawing.problem, form.steps, chosen);
  const close = () => {
    choose(undefined);
    document.querySelector<HTMLElement>(`.react-flow__node[data-id="${chosen}"]`)?.focus();
  };
  return (
    <Card
      withBorder
      component="section"
      aria-label={t("flow.settingsOf", { step: chosen })}
      onKeyDown={(e) => {
        if (e.key === "Escape" && !e.defaultPrevented) close();
      }}
    >
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap">
          <Title order={2} size="h4" ref={title} tabIndex={-1} style={{ overflowWrap: "anywhere" }}>
            {chosen}: {t(`flow.kind.${step.kind}`)}
          </Title>
          <Button size="xs" variant="default" onClick={close}>
            {t("flow.closePanel")}
          </Button>
        </Group>
        {whole.map((message) => (
          <Text key={message} size="sm" c="red" role="alert">
            {message}
          </Text>
        ))}
        <fieldset disabled={fixed} className="flow-plain">
          <Stack gap="sm">
            <Name drawing={drawing} id={chosen} error={problem?.at("id")} />
            {(step.kind === "send" || step.kind === "ask") && <SayFields {...props} channel={channel} />}
            {step.kind === "ask" && <QuestionFields {...props} />}
            {step.kind === "wait" && <WaitFields {...props} />}
            {step.kind === "branch" && <BranchFields {...props} drawing={drawing} />}
            {step.kind === "set" && <SetFields {...props} />}
            {step.kind === "call" && <CallFields {...props} />}
            {step.kind === "start" && <StartFields {...props} />}
            {step.kind === "end" ? (
              <EndFields {...props} />
            ) : (
              <Fieldset legend={t("flow.ways")}>
                <Stack gap="xs">
                  {["next", ...exitsOf(step), ...graph.edges.filter((e) => e.from === chosen && e.exit.includes(":") && !e.exit.startsWith("branch:")).map((e) => e.exit)].map((exit) => (
                    <Group key={exit} align="flex-end" wrap="nowrap" gap="xs">
                      <NativeSelect
                        flex={1}
                        label={exit === "next" ? (step.kind === "branch" ? t("flow.everybodyElse") : t("flow.on")) : exitName(step, exit, t)}
                        error={problem?.at(exit === "next" ? "next" : `exits.${exit}`)}
                        value={edge(graph, chosen, exit)?.to ?? ""}
                        onChange={(e) => edit((g) => connect(g, chosen, exit, e.currentTarget.value || undefined))}
                        data={[
                          ...(exit !== "next" || !edge(graph, chosen, "next") ? [{ value: "", label: exit === "next" ? t("flow.nowhere") : t("flow.asOn") }] : []),
                          ...form.steps.filter((s) => s.id !== chosen).map((s) => s.id),
                        ]}
                      />
                      <AddMenu drawing={drawing} after={chosen} exit={exit} label={exit === "next" ? t("flow.add") : "+"} />
                    </Group>
                  ))}
                </Stack>
              </Fieldset>
            )}
            <Group>
              {step.kind === "send" && (
                <Button
                  size="xs"
                  variant="default"
                  onClick={() => {
                    const other = { ...blank("send", form.steps, t), id: free(form.steps, `${chosen}_other`) };
                    edit((g) => addFallback(g, chosen, other));
                    choose(other.id);
                  }}
                >
                  {t("flow.fallback")}
                </Button>
              )}
              <Button
                size="xs"
                color="red"
                variant="outline"
                disabled={form.steps.length === 1}
                onClick={() => {
                  edit((g) => remove(g, chosen));
                  choose(undefined);
                }}
              >
                {t("flow.remove")}
              </Button>
            </Group>
          </Stack>
        </fieldset>
      </Stack>
    </Card>
  );
}

/** The name of a step; it is another one once it can be one. */
function Name({ drawing, id, error }: { drawing: Drawing; id: string; error: string | undefined }) {
  const { t } = useTranslation();
  const [name, setName] = useState(id);
  const taken = name !== id && drawing.form.steps.some((s) => s.id === name);
  const bad = name !== id && !named.test(name);
  const take = () => {
    if (name === id || taken || bad) return;
    drawing.edit((g) => rename(g, id, name));
    drawing.choose(name);
  };
  return (
    <TextInput
      label={t("flow.stepName")}
      description={t("flow.stepNameHint")}
      value={name}
      error={taken ? t("flow.nameTaken") : bad ? t("flow.nameBad") : error}
      onChange={(e) => setName(e.currentTarget.value)}
      onBlur={take}
      onKeyDown={(e) => {
        if (e.key === "Enter") take();
      }}
    />
  );
}
