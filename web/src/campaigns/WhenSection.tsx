import { Alert, Button, Checkbox, Chip, Group, MultiSelect, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { Zone } from "@/ui/Zone";

import { type Form, missing, recurs, scheduleOf, type WhenKind, weekdays, without } from "./form";
import { Instants } from "./Instants";
import { PoliciesDrawer } from "./PoliciesDrawer";
import { told } from "./policies";
import { type SectionProps } from "./section";

const tabs = ["now", "at", "week", "month", "cron"] as const;
const lastOfMonth = -1;

/** When it goes out; of a flow, when people enter. */
export function WhenSection({ form, set, problem, flow = false }: SectionProps & { flow?: boolean }) {
  const { t } = useTranslation();
  const [policies, setPolicies] = useState(false);
  const when = form.when;
  const said = told(form.schedule, recurs(when));
  const change = (part: Partial<typeof when>) => set({ when: { ...when, ...part } });
  const time = <TextInput type="time" label={t("when.time")} value={when.time} onChange={(e) => change({ time: e.currentTarget.value })} />;
  const dates = [...Array.from({ length: 31 }, (_, i) => i + 1), lastOfMonth];
  return (
    <Stack gap="sm">
      {when.kind === "other" && <Alert color="cyan">{t("when.other")}</Alert>}
      <Tabs value={when.kind} onChange={(value) => change({ kind: (value ?? "now") as WhenKind })} keepMounted={false}>
        <Tabs.List>
          {tabs.map((kind) => (
            <Tabs.Tab key={kind} value={kind}>
              {t(`when.${kind}`)}
            </Tabs.Tab>
          ))}
          {when.kind === "other" && <Tabs.Tab value="other">{t("when.asItIs")}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="now" pt="sm">
          <Text size="sm">{t("when.nowHint")}</Text>
        </Tabs.Panel>
        <Tabs.Panel value="at" pt="sm">
          <TextInput type="datetime-local" label={t("when.moment")} value={when.at.slice(0, 16)} onChange={(e) => change({ at: e.currentTarget.value })} maw="16rem" />
        </Tabs.Panel>
        <Tabs.Panel value="week" pt="sm">
          <Stack gap="sm">
            <Chip.Group multiple value={when.days} onChange={(days) => change({ days: weekdays.filter((d) => days.includes(d)) })}>
              <Group gap={6} role="group" aria-label={t("when.weekdays")}>
                {weekdays.map((day) => (
                  <Chip key={day} value={day}>
                    {t(`when.day.${day}`)}
                  </Chip>
                ))}
              </Group>
            </Chip.Group>
            {time}
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="month" pt="sm">
          <Stack gap="sm">
            <MultiSelect
              label={t("when.dates")}
              data={dates.map((d) => ({ value: String(d), label: d === lastOfMonth ? t("when.last") : String(d) }))}
              value={when.dates.map(String)}
              onChange={(value) => change({ dates: value.map(Number) })}
            />
            {time}
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="cron" pt="sm">
          <TextInput
            label={t("when.expression")}
            description={t("when.cronHint")}
            value={when.cron}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
            onChange={(e) => change({ cron: e.currentTarget.value })}
          />
        </Tabs.Panel>
      </Tabs>
      {when.kind !== "now" && when.kind !== "other" && (
        <Zone label={t("when.zone")} value={when.timezone} onChange={(timezone) => change({ timezone })} />
      )}
      {when.kind !== "now" && (
        <Checkbox
          label={t("when.recipientTime")}
          description={t("when.recipientTimeHint")}
          checked={form.schedule.recipient_time === true}
          onChange={(e) => {
            set({ schedule: e.currentTarget.checked ? { ...form.schedule, recipient_time: true } : without(form.schedule, "recipient_time") });
          }}
        />
      )}
      <Group gap="sm">
        <Button size="xs" variant="default" onClick={() => setPolicies(true)}>
          {t("policies.title")}
        </Button>
        {said.length > 0 && (
          <Text size="sm" c="dimmed">
            {t("policies.set", { parts: said.map((part) => t(`policies.part.${part}`)).join(" · ") })}
          </Text>
        )}
      </Group>
      {policies && (
        <PoliciesDrawer
          schedule={form.schedule}
          set={(schedule) => set({ schedule })}
          problem={problem?.within("schedule")}
          recurs={recurs(when)}
          flow={flow}
          close={() => setPolicies(false)}
        />
      )}
      {problem?.at("schedule") && (
        <Text c="red" size="sm" role="alert">
          {problem.at("schedule")}
        </Text>
      )}
      {recurs(when) && !missing(form, false).includes("when") && <Outlook form={form} refused={problem?.at("schedule") !== undefined} />}
    </Stack>
  );
}

/** The schedule in words, and its next instants, as the server reckons them. */
function Outlook({ form, refused }: { form: Form; refused: boolean }) {
  const { t } = useTranslation();
  const [schedule] = useDebouncedValue(scheduleOf(form.when, form.schedule), 300);
  const preview = api.useQuery("post", "/v1/schedules/preview", { body: { schedule, n: 10 } }, { placeholderData: keepPreviousData });
  return (
    <Stack gap={4} aria-live="polite">
      {!refused && <Failure error={preview.error} />}
      {preview.data && (
        <>
          <Text fw={600}>{preview.data.words}</Text>
          <Text size="sm">{t("when.instants", { zone: preview.data.timezone })}</Text>
          <Instants items={preview.data.items ?? []} />
        </>
      )}
    </Stack>
  );
}
