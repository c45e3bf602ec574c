// The settings of the steps that say nothing.
import { ActionIcon, Checkbox, Group, NativeSelect, NumberInput, SegmentedControl, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import type { Problem } from "@/api/problem";
import { weekdays, without } from "@/campaigns/form";

import type { Step } from "./graph";
import { ListsSelect } from "./ListsSelect";
import { valueOf } from "./rule";

export interface FieldProps {
  step: Step;
  set: (by: Partial<Step>, what?: string) => void;
  problem: Problem | undefined;
}

/** How long, or for what, is waited. */
export function WaitFields({ step, set, problem }: FieldProps) {
  const { t } = useTranslation();
  const wait = step.wait ?? {};
  const kind = wait.delivered ? "delivered" : wait.event !== undefined ? "event" : wait.until ? "until" : "for";
  const put = (made: Schema<"WaitFor">, what?: string) => set({ wait: made }, what);
  return (
    <Stack gap="xs">
      <SegmentedControl
        aria-label={t("flow.waitFor")}
        value={kind}
        onChange={(v) => put(v === "delivered" ? { delivered: true, at_most: "1h" } : v === "event" ? { event: "", at_most: "3d" } : v === "until" ? { until: { time: "09:00" } } : { for: "1d" })}
        data={(["for", "until", "event", "delivered"] as const).map((value) => ({ value, label: t(`flow.wait.${value}`) }))}
      />
      {kind === "for" && (
        <TextInput
          label={t("flow.duration")}
          description={t("flow.durationHint")}
          value={wait.for ?? ""}
          error={problem?.at("wait")}
          onChange={(e) => put({ for: e.currentTarget.value }, "for")}
        />
      )}
      {kind === "until" && (
        <>
          <TextInput
            type="time"
            label={t("when.time")}
            value={wait.until?.time ?? ""}
            error={problem?.at("wait.until.time")}
            onChange={(e) => put({ until: { ...wait.until, time: e.currentTarget.value } }, "time")}
          />
          <Checkbox.Group
            label={t("when.weekdays")}
            value={wait.until?.weekdays ?? []}
            onChange={(days) => put({ until: { time: wait.until?.time ?? "", ...(days.length > 0 ? { weekdays: weekdays.filter((d) => days.includes(d)) } : {}) } })}
          >
            <Group gap="xs" mt={4}>
              {weekdays.map((day) => (
                <Checkbox key={day} value={day} label={t(`when.day.${day}`)} />
              ))}
            </Group>
          </Checkbox.Group>
        </>
      )}
      {kind === "event" && (
        <TextInput
          label={t("flow.event")}
          value={wait.event ?? ""}
          error={problem?.at("wait.event") ?? (wait.event === "" ? problem?.at("wait") : undefined)}
          onChange={(e) => put({ ...wait, event: e.currentTarget.value }, "event")}
        />
      )}
      {kind === "delivered" && <Text size="sm">{t("flow.deliveredHint")}</Text>}
      {(kind === "event" || kind === "delivered") && (
        <TextInput
          label={t("flow.atMost")}
          description={t("flow.durationHint")}
          value={wait.at_most ?? ""}
          error={problem?.at("wait.at_most")}
          onChange={(e) => put({ ...wait, at_most: e.currentTarget.value }, "at_most")}
        />
      )}
    </Stack>
  );
}

/** What is written about somebody, and the lists that they come into or leave. */
export function SetFields({ step, set, problem }: FieldProps) {
  const { t } = useTranslation();
  const properties = api.useQuery("get", "/v1/properties").data?.items ?? [];
  const made = step.set ?? {};
  const written = (made.attributes ?? {}) as Record<string, unknown>;
  const write = (attributes: Record<string, unknown>, what?: string) => set({ set: { ...made, attributes } }, what);
  const free = properties.filter((p) => !(p.key in written)).map((p) => p.key);
  const choose = (side: "add" | "remove", lists: Schema<"NamedLists"> | undefined) => set({ set: lists ? { ...made, [side]: lists } : without(made, side) });
  return (
    <Stack gap="xs">
      {Object.entries(written).map(([key, value]) => (
        <Group key={key} align="flex-end" wrap="nowrap" gap="xs">
          <TextInput
            flex={1}
            label={key}
            value={typeof value === "string" ? value : JSON.stringify(value)}
            error={problem?.at(`set.attributes.${key}`)}
            onChange={(e) => write({ ...written, [key]: valueOf(e.currentTarget.value) }, key)}
          />
          <ActionIcon
            variant="default"
            aria-label={t("flow.leaveOut", { what: key })}
            onClick={() => write(Object.fromEntries(Object.entries(written).filter(([one]) => one !== key)))}
          >
            ×
          </ActionIcon>
        </Group>
      ))}
      {problem?.at("set") && Object.keys(written).length === 0 && <Text c="red" size="sm">{problem.at("set")}</Text>}
      {free.length > 0 && (
        <NativeSelect
          label={t("flow.property")}
          value=""
          onChange={(e) => write({ ...written, [e.currentTarget.value]: "" })}
          data={[{ value: "", label: t("flow.chooseProperty") }, ...free]}
        />
      )}
      {(["add", "remove"] as const).map((side) => (
        <ListsSelect key={side} label={t(`flow.lists.${side}`)} lists={made[side]} error={problem?.at(`set.${side}`)} set={(lists) => choose(side, lists)} />
      ))}
    </Stack>
  );
}

/** Which program is asked. */
export function CallFields({ step, set, problem }: FieldProps) {
  const { t } = useTranslation();
  const call = step.call ?? { url: "" };
  return (
    <Stack gap="xs">
      <TextInput
        type="url"
        label={t("flow.url")}
        description={t("flow.urlHint")}
        value={call.url}
        error={problem?.at("call.url") ?? problem?.at("call")}
        onChange={(e) => set({ call: { ...call, url: e.currentTarget.value } }, "url")}
      />
      <TagsInput
        label={t("flow.answerKeys")}
        description={t("flow.answerKeysHint")}
        value={call.answers ?? []}
        error={problem?.at("call.answers")}
        onChange={(answers) => set({ call: { ...call, answers } })}
      />
      <NumberInput
        label={t("flow.tries")}
        min={1}
        max={10}
        value={call.tries ?? ""}
        placeholder="3"
        error={problem?.at("call.tries")}
        onChange={(v) => set({ call: { ...call, tries: Number(v) || 0 } }, "tries")}
      />
    </Stack>
  );
}

/** Which other flow is entered. */
export function StartFields({ step, set, problem }: FieldProps) {
  const { t } = useTranslation();
  const flows = api.useQuery("get", "/v1/flows", { params: { query: { limit: 500 } } }).data?.items ?? [];
  return (
    <NativeSelect
      label={t("flow.other")}
      value={String(step.flow_id ?? "")}
      error={problem?.at("flow_id")}
      onChange={(e) => set({ flow_id: Number(e.currentTarget.value) })}
      data={[{ value: "", label: t("flow.chooseFlow") }, ...flows.map((f) => ({ value: String(f.id), label: f.name }))]}
    />
  );
}

/** With what it ends. */
export function EndFields({ step, set, problem }: FieldProps) {
  const { t } = useTranslation();
  return (
    <TextInput
      label={t("flow.outcome")}
      description={t("flow.outcomeHint")}
      value={step.outcome ?? ""}
      error={problem?.at("outcome")}
      onChange={(e) => set({ outcome: e.currentTarget.value }, "outcome")}
    />
  );
}
