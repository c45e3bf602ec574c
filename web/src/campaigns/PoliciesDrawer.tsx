import { Checkbox, Chip, Drawer, Fieldset, Group, MultiSelect, NativeSelect, NumberInput, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { type Problem } from "@/api/problem";
import { Failure } from "@/ui/Failure";

import { weekdays } from "./form";
import { changed, numberOf, percentOf, shareOf } from "./policies";

type Schedule = Schema<"Schedule">;
type Guards = Schema<"Guards">;

interface Props {
  schedule: Schedule;
  set: (schedule: Schedule) => void;
  /** What the server found wrong, by the schedule's own fields. */
  problem: Problem | undefined;
  recurs: boolean;
  /** Of a flow, which spreads people by its waits. */
  flow: boolean;
  close: () => void;
}

interface FieldsProps extends Pick<Props, "schedule" | "problem"> {
  put: (change: { [K in keyof Schedule]?: Schedule[K] | undefined }) => void;
}

/** What becomes of a schedule's instants that can't simply fire, and when each recipient may be sent to. */
export function PoliciesDrawer({ schedule, set, problem, recurs, flow, close }: Props) {
  const { t } = useTranslation();
  const fields: FieldsProps = { schedule, problem, put: (change) => set(changed(schedule, change) ?? {}) };
  return (
    <Drawer opened onClose={close} position="right" size="lg" title={t("policies.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Stack>
        <Text size="sm" c="dimmed">
          {t("policies.hint")}
        </Text>
        <People {...fields} flow={flow} />
        {recurs && (
          <>
            <Bounds {...fields} />
            <Days {...fields} />
            <Runs {...fields} />
            <Clock {...fields} />
          </>
        )}
        <GuardFields {...fields} recurs={recurs} />
      </Stack>
    </Drawer>
  );
}

/** Days of the week, of which none means something else than all. */
function Weekdays({ label, value, set }: { label: string; value: readonly string[]; set: (days: string[]) => void }) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <Stack gap={4}>
      <Text size="sm" fw={500} id={id}>
        {label}
      </Text>
      <Chip.Group multiple value={[...value]} onChange={(days) => set(weekdays.filter((d) => days.includes(d)))}>
        <Group gap={6} role="group" aria-labelledby={id}>
          {weekdays.map((day) => (
            <Chip key={day} value={day} size="xs">
              {t(`when.day.${day}`)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </Stack>
  );
}

const usual = { from: "09:00", to: "20:00" };

function People({ schedule, problem, put, flow }: FieldsProps & { flow: boolean }) {
  const { t } = useTranslation();
  const hours = schedule.hours;
  return (
    <Fieldset legend={t("policies.part.people")}>
      <Stack gap="sm">
        <Checkbox
          label={t("policies.hours")}
          description={t("policies.hoursHint")}
          checked={hours !== undefined}
          onChange={(e) => put({ hours: e.currentTarget.checked ? usual : undefined })}
        />
        {hours && (
          <>
            <Group grow align="flex-start">
              <TextInput
                type="time"
                label={t("policies.hoursFrom")}
                value={hours.from}
                error={problem?.at("hours.from")}
                onChange={(e) => put({ hours: { ...hours, from: e.currentTarget.value } })}
              />
              <TextInput
                label={t("policies.hoursTo")}
                description={t("policies.hoursToHint")}
                inputWrapperOrder={["label", "input", "description", "error"]}
                value={hours.to}
                error={problem?.at("hours.to")}
                onChange={(e) => put({ hours: { ...hours, to: e.currentTarget.value } })}
              />
            </Group>
            <Weekdays label={t("policies.hoursDays")} value={hours.days ?? []} set={(days) => put({ hours: { from: hours.from, to: hours.to, ...(days.length > 0 ? { days } : {}) } })} />
          </>
        )}
        {!flow && (
          <TextInput
            label={t("policies.spread")}
            description={t("policies.spreadHint")}
            value={schedule.spread_over ?? ""}
            error={problem?.at("spread_over")}
            onChange={(e) => put({ spread_over: e.currentTarget.value })}
          />
        )}
        <TextInput
          label={t("policies.expires")}
          description={t("policies.expiresHint")}
          value={schedule.expires_after ?? ""}
          error={problem?.at("expires_after")}
          onChange={(e) => put({ expires_after: e.currentTarget.value })}
        />
      </Stack>
    </Fieldset>
  );
}

function Bounds({ schedule, problem, put }: FieldsProps) {
  const { t } = useTranslation();
  return (
    <Fieldset legend={t("policies.part.bounds")}>
      <Group grow align="flex-start">
        <TextInput type="date" label={t("policies.from")} value={(schedule.from ?? "").slice(0, 10)} error={problem?.at("from")} onChange={(e) => put({ from: e.currentTarget.value })} />
        <TextInput type="date" label={t("policies.until")} value={(schedule.until ?? "").slice(0, 10)} error={problem?.at("until")} onChange={(e) => put({ until: e.currentTarget.value })} />
        <NumberInput label={t("policies.count")} min={1} allowDecimal={false} value={schedule.count ?? ""} error={problem?.at("count")} onChange={(v) => put({ count: numberOf(v) })} />
      </Group>
    </Fieldset>
  );
}

function Days({ schedule, problem, put }: FieldsProps) {
  const { t } = useTranslation();
  const calendars = api.useQuery("get", "/v1/holidays", { params: { query: { limit: 500 } } });
  const exclude = schedule.exclude;
  const out = (change: Parameters<typeof changed<Schema<"ExcludeRule">>>[1]) => put({ exclude: changed(exclude, change) });
  return (
    <Fieldset legend={t("policies.part.days")}>
      <Stack gap="sm">
        <Weekdays label={t("policies.outWeekdays")} value={exclude?.weekdays ?? []} set={(days) => out({ weekdays: days })} />
        <TagsInput
          label={t("policies.outDates")}
          description={t("policies.outDatesHint")}
          value={exclude?.dates ?? []}
          error={problem?.at("exclude.dates")}
          onChange={(dates) => out({ dates })}
          splitChars={[",", " ", ";"]}
          acceptValueOnBlur
        />
        <Failure error={calendars.error} />
        <MultiSelect
          label={t("policies.outHolidays")}
          description={calendars.data && (calendars.data.items ?? []).length === 0 ? t("policies.outHolidaysNone") : undefined}
          data={(calendars.data?.items ?? []).map((h) => ({ value: String(h.id), label: h.name }))}
          value={(exclude?.holidays ?? []).map(String)}
          error={problem?.at("exclude.holidays")}
          onChange={(ids) => out({ holidays: ids.map(Number) })}
        />
        <NativeSelect
          label={t("policies.onExcluded")}
          value={schedule.on_excluded ?? ""}
          error={problem?.at("on_excluded")}
          onChange={(e) => put({ on_excluded: (e.currentTarget.value || undefined) as Schedule["on_excluded"] })}
          data={[{ value: "", label: t("policies.excluded.skip") }, ...(["next_day", "previous_day"] as const).map((v) => ({ value: v, label: t(`policies.excluded.${v}`) }))]}
        />
      </Stack>
    </Fieldset>
  );
}

function Runs({ schedule, problem, put }: FieldsProps) {
  const { t } = useTranslation();
  return (
    <Fieldset legend={t("policies.part.runs")}>
      <Stack gap="sm">
        <NativeSelect
          label={t("policies.whileRunning")}
          value={schedule.while_running ?? ""}
          error={problem?.at("while_running")}
          onChange={(e) => put({ while_running: (e.currentTarget.value || undefined) as Schedule["while_running"] })}
          data={[
            { value: "", label: t("policies.running.wait") },
            { value: "queue_all", label: t("policies.running.waitAll") },
            ...(["skip", "leave_out", "together", "cancel_previous"] as const).map((v) => ({ value: v, label: t(`policies.running.${v}`) })),
          ]}
        />
        <NativeSelect
          label={t("policies.catchUp")}
          value={schedule.catch_up ?? ""}
          error={problem?.at("catch_up")}
          onChange={(e) => {
            const catch_up = (e.currentTarget.value || undefined) as Schedule["catch_up"];
            put(catch_up === "skip" ? { catch_up, catch_up_within: undefined } : { catch_up });
          }}
          data={[{ value: "", label: t("policies.late.latest") }, ...(["all", "skip"] as const).map((v) => ({ value: v, label: t(`policies.late.${v}`) }))]}
        />
        {schedule.catch_up !== "skip" && (
          <TextInput
            label={t("policies.catchUpWithin")}
            description={t("policies.catchUpWithinHint")}
            value={schedule.catch_up_within ?? ""}
            error={problem?.at("catch_up_within")}
            onChange={(e) => put({ catch_up_within: e.currentTarget.value })}
          />
        )}
        <TextInput
          label={t("policies.jitter")}
          description={t("policies.jitterHint")}
          value={schedule.jitter ?? ""}
          error={problem?.at("jitter")}
          onChange={(e) => put({ jitter: e.currentTarget.value })}
        />
      </Stack>
    </Fieldset>
  );
}

function Clock({ schedule, problem, put }: FieldsProps) {
  const { t } = useTranslation();
  return (
    <Fieldset legend={t("policies.part.clock")}>
      <Stack gap="sm">
        <NativeSelect
          label={t("policies.gap")}
          value={schedule.gap ?? ""}
          error={problem?.at("gap")}
          onChange={(e) => put({ gap: (e.currentTarget.value || undefined) as Schedule["gap"] })}
          data={[{ value: "", label: t("policies.jumped.next") }, ...(["shift", "skip"] as const).map((v) => ({ value: v, label: t(`policies.jumped.${v}`) }))]}
        />
        <NativeSelect
          label={t("policies.overlap")}
          value={schedule.overlap ?? ""}
          error={problem?.at("overlap")}
          onChange={(e) => put({ overlap: (e.currentTarget.value || undefined) as Schedule["overlap"] })}
          data={[{ value: "", label: t("policies.twice.usual") }, ...(["first", "second", "both"] as const).map((v) => ({ value: v, label: t(`policies.twice.${v}`) }))]}
        />
      </Stack>
    </Fieldset>
  );
}

const most = 100; // percent

function GuardFields({ schedule, problem, put, recurs }: FieldsProps & { recurs: boolean }) {
  const { t } = useTranslation();
  const guards: Guards = schedule.guards ?? {};
  const guard = (change: Parameters<typeof changed<Guards>>[1]) => put({ guards: changed(guards, change) });
  const share = (of: "failures" | "complaints", value: number | string) => {
    const share = shareOf(value);
    guard({ [of]: share === undefined ? undefined : { ...guards[of], share } });
  };
  return (
    <Fieldset legend={t("policies.part.guards")}>
      <Stack gap="sm">
        <Checkbox
          label={t("policies.empty")}
          checked={guards.audience?.empty === true}
          onChange={(e) => guard({ audience: changed(guards.audience, { empty: e.currentTarget.checked || undefined }) })}
        />
        {recurs && (
          <NumberInput
            label={t("policies.change")}
            suffix=" %"
            min={1}
            value={percentOf(guards.audience?.change)}
            error={problem?.at("guards.audience")}
            onChange={(v) => guard({ audience: changed(guards.audience, { change: shareOf(v) }) })}
          />
        )}
        <NumberInput
          label={t("policies.failures")}
          suffix=" %"
          min={1}
          max={most}
          value={percentOf(guards.failures?.share)}
          error={problem?.at("guards.failures")}
          onChange={(v) => share("failures", v)}
        />
        <NumberInput
          label={t("policies.complaints")}
          description={t("policies.complaintsHint")}
          suffix=" %"
          decimalScale={2}
          min={0}
          max={most}
          value={percentOf(guards.complaints?.share)}
          error={problem?.at("guards.complaints")}
          onChange={(v) => share("complaints", v)}
        />
        {recurs && (
          <NumberInput
            label={t("policies.failedRuns")}
            placeholder="5"
            min={1}
            max={100}
            allowDecimal={false}
            value={guards.failed_runs ?? ""}
            error={problem?.at("guards.failed_runs")}
            onChange={(v) => guard({ failed_runs: numberOf(v) })}
          />
        )}
      </Stack>
    </Fieldset>
  );
}
