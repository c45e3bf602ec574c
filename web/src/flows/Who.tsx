import { ActionIcon, Button, Card, Checkbox, Fieldset, Group, NativeSelect, NumberInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import type { Problem } from "@/api/problem";
import { AudienceSection } from "@/campaigns/Audience";
import { type Form as Whom } from "@/campaigns/form";
import { WhenSection } from "@/campaigns/WhenSection";

import type { FlowForm } from "./form";
import { Goals } from "./Goals";
import { ListsSelect } from "./ListsSelect";

type Trigger = Schema<"Trigger">;

interface Props {
  form: FlowForm;
  set: (form: FlowForm, by?: string) => void;
  problem: Problem | undefined;
  draft: boolean;
  fixed: boolean;
}

const made: Record<"event" | "keyword" | "date" | "joins", Trigger> = { event: { event: "" }, keyword: { keyword: "" }, date: { date: { property: "", time: "09:00" } }, joins: { joins: {} } };
const kinds = ["event", "keyword", "date", "joins"] as const;

/** Its name and channel, and who enters it, when and how often. */
export function Who({ form, set, problem, draft, fixed }: Props) {
  const { t } = useTranslation();
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } }).data?.items ?? [];
  const whom = (change: Partial<Whom>) => set({ ...form, whom: { ...form.whom, ...change } });
  const triggers = (list: Trigger[], by?: string) => set({ ...form, triggers: list }, by);
  const allow = form.reentry.allow ?? "never";
  return (
    <fieldset disabled={fixed} className="flow-plain">
      <Stack maw="48rem">
        <TextInput label={t("flows.name")} required value={form.name} error={problem?.at("name")} onChange={(e) => set({ ...form, name: e.currentTarget.value }, "name")} />
        <NativeSelect
          label={t("editor.channel")}
          description={draft ? undefined : t("flow.channelStays")}
          disabled={!draft}
          value={String(form.whom.channel)}
          error={problem?.at("channel_id")}
          onChange={(e) => whom({ channel: Number(e.currentTarget.value) })}
          data={channels.map((c) => ({ value: String(c.id), label: `${c.name} (${c.provider})` }))}
        />
        <Card withBorder component="section">
          <Title order={2} size="h4" mb="sm">
            {t("flow.audience")}
          </Title>
          <Stack gap="sm">
            <Checkbox label={t("flow.enters")} description={t("flow.entersHint")} checked={form.enters} onChange={(e) => set({ ...form, enters: e.currentTarget.checked })} />
            {form.enters && <AudienceSection form={form.whom} set={whom} problem={problem} />}
            {form.enters && draft && <WhenSection form={form.whom} set={whom} problem={problem} flow />}
          </Stack>
        </Card>
        <Card withBorder component="section">
          <Title order={2} size="h4" mb="sm">
            {t("flow.triggers")}
          </Title>
          <Stack gap="sm">
            <Text size="sm">{t("flow.triggersHint")}</Text>
            {form.triggers.map((one, i) => (
              <TriggerFields
                key={i}
                trigger={one}
                error={(field) => problem?.at(`triggers[${i}].${field}`) ?? (field === "" ? problem?.at(`triggers[${i}]`) : undefined)}
                set={(next) => triggers(form.triggers.map((old, j) => (j === i ? next : old)), `trigger.${i}`)}
                remove={() => triggers(form.triggers.filter((_, j) => j !== i))}
              />
            ))}
            <Group>
              {kinds.map((kind) => (
                <Button key={kind} size="xs" variant="default" onClick={() => triggers([...form.triggers, made[kind]])}>
                  {t(`flow.trigger.${kind}`)}
                </Button>
              ))}
            </Group>
          </Stack>
        </Card>
        <Goals form={form} set={set} problem={problem} />
        <Fieldset legend={t("flow.again")}>
          <Group align="flex-start" grow>
            <NativeSelect
              label={t("flow.reentry")}
              value={allow}
              error={problem?.at("reentry.allow")}
              onChange={(e) => set({ ...form, reentry: e.currentTarget.value === "never" ? { allow: "never" } : { ...form.reentry, allow: e.currentTarget.value === "always" ? "always" : "after_leaving" } })}
              data={(["never", "after_leaving", "always"] as const).map((value) => ({ value, label: t(`flow.allow.${value}`) }))}
            />
            {allow !== "never" && (
              <TextInput
                label={t("flow.gap")}
                description={t("flow.durationHint")}
                value={form.reentry.gap ?? ""}
                error={problem?.at("reentry.gap")}
                onChange={(e) => set({ ...form, reentry: { allow, ...(e.currentTarget.value ? { gap: e.currentTarget.value } : {}) } }, "gap")}
              />
            )}
          </Group>
        </Fieldset>
      </Stack>
    </fieldset>
  );
}

function TriggerFields({ trigger, set, remove, error }: { trigger: Trigger; set: (t: Trigger) => void; remove: () => void; error: (field: string) => string | undefined }) {
  const { t } = useTranslation();
  const properties = api.useQuery("get", "/v1/properties").data?.items ?? [];
  const { event, keyword, date, joins } = trigger;
  return (
    <Group align="flex-end" wrap="nowrap">
      <Group grow flex={1} align="flex-end">
        {event !== undefined && <TextInput label={t("flow.trigger.event")} value={event} error={error("event") ?? error("")} onChange={(e) => set({ event: e.currentTarget.value })} />}
        {keyword !== undefined && (
          <TextInput label={t("flow.trigger.keyword")} value={keyword} error={error("keyword") ?? error("")} onChange={(e) => set({ keyword: e.currentTarget.value })} />
        )}
        {date && (
          <>
            <NativeSelect
              label={t("flow.trigger.date")}
              value={date.property}
              error={error("date.property")}
              onChange={(e) => set({ date: { ...date, property: e.currentTarget.value } })}
              data={[{ value: "", label: t("flow.chooseProperty") }, ...properties.filter((p) => p.type === "date").map((p) => p.key)]}
            />
            <NumberInput label={t("flow.days")} min={-365} max={365} value={date.days ?? 0} error={error("date.days")} onChange={(v) => set({ date: { ...date, days: Number(v) } })} />
            <TextInput type="time" label={t("when.time")} value={date.time} error={error("date.time")} onChange={(e) => set({ date: { ...date, time: e.currentTarget.value } })} />
            <Checkbox label={t("flow.yearly")} checked={date.yearly === true} onChange={(e) => set({ date: { ...date, yearly: e.currentTarget.checked } })} />
          </>
        )}
        {joins && <ListsSelect label={t("flow.trigger.joins")} lists={joins} error={error("joins") ?? error("")} set={(lists) => set({ joins: lists ?? {} })} />}
      </Group>
      <ActionIcon variant="default" size="lg" aria-label={t("flow.leaveOut", { what: event ?? keyword ?? date?.property ?? t("flow.triggers") })} onClick={remove}>
        ×
      </ActionIcon>
    </Group>
  );
}
