import {
  Accordion,
  Alert,
  Badge,
  Button,
  Card,
  Checkbox,
  Chip,
  Grid,
  Group,
  List,
  MultiSelect,
  NativeSelect,
  NumberInput,
  Radio,
  Select,
  Stack,
  Tabs,
  Text,
  Textarea,
  TextInput,
  Title,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { keepPreviousData } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useEffectEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Problem } from "@/api/problem";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { When } from "@/ui/When";
import { Zone } from "@/ui/Zone";
import { ButtonLink, TextLink } from "@/ui/links";

import { Preview } from "./Preview";
import { type Chosen, type Form, inputOf, type ListKind, lists, missing, recurs, scheduleOf, type WhenKind, weekdays, without } from "./form";

const pause = 700; // ms after the last change until it is kept
const undoFor = 60; // seconds

const sections = ["audience", "content", "when", "pace"] as const;

/** The one page on which a campaign is made: each section folds, and what is made is kept as it is made. */
export function Editor({ initial, campaign }: { initial: Form; campaign?: Schema<"Campaign"> }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const format = useFormat();
  const [form, setForm] = useState<Form>(() => ({ ...initial, name: initial.name || t("editor.newName", { date: format.date(new Date()) }) }));
  const [kept, setKept] = useState(campaign);
  const [starting, setStarting] = useState(false);
  const [startError, setStartError] = useState<unknown>(null);
  const set = (change: Partial<Form>) => setForm((old) => ({ ...old, ...change }));

  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } });
  const providers = api.useQuery("get", "/v1/providers", {}, { staleTime: Infinity });
  const channel = channels.data?.items?.find((c) => c.id === form.channel);
  const can = providers.data?.items?.find((p) => p.name === channel?.provider)?.can;
  const email = channel?.address === "email";

  // Where there is one channel it is meant.
  const only = channels.data?.items?.length === 1 ? channels.data.items[0] : undefined;
  if (form.channel === 0 && only) set({ channel: only.id });

  const lacks = missing(form, email && can?.subject === true);
  const saving = useKept(form, (f) => missing(f, email && can?.subject === true).length === 0, kept, setKept);
  const problem = saving.error instanceof Problem ? saving.error : undefined;

  const start = async () => {
    setStarting(true);
    setStartError(null);
    try {
      const made = await saving.now();
      await client.POST("/v1/campaigns/{id}/start", { params: { path: { id: made.id } }, body: form.when.kind === "now" ? { undo_seconds: undoFor } : {} });
      await refresh("/v1/campaigns", "/v1/runs", "/v1/calendar");
      await navigate({ to: "/campaigns/$id", params: { id: String(made.id) } });
    } catch (e) {
      setStartError(e);
    } finally {
      setStarting(false);
    }
  };

  return (
    <Page
      title={kept ? t("editor.edit") : t("campaigns.new")}
      within={{ label: t("campaigns.title"), to: "/campaigns" }}
      beside={
        <Text size="sm" c="dimmed" role="status">
          {lacks.length > 0 ? t("editor.unsaved") : saving.busy ? t("editor.saving") : problem ? t("editor.notSaved") : kept ? t("editor.saved") : ""}
        </Text>
      }
      actions={
        kept && (
          <ButtonLink variant="default" to="/campaigns/$id" params={{ id: String(kept.id) }}>
            {t("editor.show")}
          </ButtonLink>
        )
      }
    >
      <Grid>
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack>
            <Group grow align="flex-start">
              <TextInput label={t("editor.name")} required value={form.name} error={problem?.at("name")} onChange={(e) => set({ name: e.currentTarget.value })} />
              <NativeSelect
                label={t("editor.channel")}
                required
                value={String(form.channel)}
                error={problem?.at("channel_id") ?? problem?.at("channel")}
                onChange={(e) => set({ channel: Number(e.currentTarget.value) })}
                data={[
                  ...(form.channel === 0 ? [{ value: "0", label: t("editor.chooseChannel") }] : []),
                  ...(channels.data?.items ?? []).map((c) => ({ value: String(c.id), label: `${c.name} (${c.provider})` })),
                ]}
              />
            </Group>
            {channels.data && (channels.data.items ?? []).length === 0 && (
              <Alert color="orange">
                {t("editor.noChannel")}{" "}
                <TextLink to="/channels">{t("channels.title")}</TextLink>
              </Alert>
            )}
            <Accordion multiple defaultValue={["audience", "content", "when"]} variant="separated" order={2}>
              {sections.map((section) => (
                <Accordion.Item key={section} value={section}>
                  <Accordion.Control>
                    <Group gap="xs">
                      {t(`editor.section.${section}`)}
                      {section !== "pace" && lacks.includes(section) && <Badge color="orange.9">{t("editor.missing")}</Badge>}
                    </Group>
                  </Accordion.Control>
                  <Accordion.Panel>
                    {section === "audience" && <AudienceSection form={form} set={set} problem={problem} />}
                    {section === "content" && <ContentSection form={form} set={set} problem={problem} email={email} html={can?.html === true} />}
                    {section === "when" && <WhenSection form={form} set={set} problem={problem} />}
                    {section === "pace" && <PaceSection form={form} set={set} problem={problem} />}
                  </Accordion.Panel>
                </Accordion.Item>
              ))}
            </Accordion>
            <Failure error={saving.error} fields={["name", "channel_id", "channel", "audience", "content", "schedule", "throttle"]} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack style={{ position: "sticky", top: 70 }}>
            <Card withBorder component="section">
              <Title order={2} size="h4" mb="xs">
                {t("editor.check")}
              </Title>
              {lacks.length > 0 && (
                <List size="sm">
                  {lacks.map((what) => (
                    <List.Item key={what}>{t(`editor.lacks.${what}`)}</List.Item>
                  ))}
                </List>
              )}
              {lacks.length === 0 && kept && <Checks campaign={kept} />}
              <Failure error={startError} />
              <Button fullWidth mt="sm" disabled={lacks.length > 0} loading={starting} onClick={() => void start()}>
                {form.when.kind === "now" ? t("editor.start") : recurs(form.when) ? t("editor.startRecurring") : t("editor.schedule")}
              </Button>
              {form.when.kind === "now" && (
                <Text size="xs" c="dimmed" mt={4}>
                  {t("editor.undoHint", { seconds: undoFor })}
                </Text>
              )}
            </Card>
            {kept && lacks.length === 0 && <TestToMe campaign={kept} email={email} keep={saving.now} />}
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

/** Keeps a form a moment after it was changed: first as a new draft, then as a change of it. Changes are kept one after the other. */
function useKept(form: Form, complete: (form: Form) => boolean, kept: Schema<"Campaign"> | undefined, setKept: (made: Schema<"Campaign">) => void) {
  const [settled] = useDebouncedValue(form, pause);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const last = useRef(kept ? JSON.stringify(inputOf(form)) : "");
  const made = useRef(kept);
  const queue = useRef<Promise<unknown>>(Promise.resolve());

  const save = (what: Form): Promise<Schema<"Campaign">> => {
    const turn = queue.current.then(async () => {
      const body = inputOf(what);
      const text = JSON.stringify(body);
      if (made.current && text === last.current) return made.current;
      setBusy(true);
      try {
        const { data } = made.current
          ? await client.PATCH("/v1/campaigns/{id}", { params: { path: { id: made.current.id } }, body })
          : await client.POST("/v1/campaigns", { body });
        if (!data) throw new Problem({ code: "internal", status: 0, detail: "" });
        made.current = data;
        last.current = text;
        setKept(data);
        setError(null);
        await refresh("/v1/campaigns");
        return data;
      } catch (e) {
        setError(e);
        throw e;
      } finally {
        setBusy(false);
      }
    });
    queue.current = turn.catch(() => undefined); // whoever waits for this turn is told; the next one goes on
    return turn;
  };

  const keep = useEffectEvent((what: Form) => {
    if (complete(what)) save(what).catch(() => undefined); // the error is shown
  });
  useEffect(() => keep(settled), [settled]);

  // Whoever closes the page meanwhile is asked.
  const unsaved = busy || settled !== form;
  useEffect(() => {
    if (!unsaved) return;
    const stay = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", stay);
    return () => window.removeEventListener("beforeunload", stay);
  }, [unsaved]);

  return { busy: unsaved, error, now: () => save(form) };
}

interface SectionProps {
  form: Form;
  set: (change: Partial<Form>) => void;
  problem: Problem | undefined;
}

/** All lists of the account that an audience may be made of. */
function useLists() {
  const { t } = useTranslation();
  const query = { params: { query: { limit: 500 } } };
  const found = {
    targeting: api.useQuery("get", "/v1/targeting", query).data?.items,
    categories: api.useQuery("get", "/v1/categories", query).data?.items,
    groups: api.useQuery("get", "/v1/groups", query).data?.items,
    labels: api.useQuery("get", "/v1/labels", query).data?.items,
    uploads: api.useQuery("get", "/v1/uploads", query).data?.items?.filter((u) => !u.dry_run),
  };
  const name = (item: { id: number; name?: string; filename?: string }) => item.name ?? item.filename ?? String(item.id);
  return lists.map((kind: ListKind) => ({
    group: t(`lists.${kind}`),
    items: (found[kind] ?? []).map((item) => ({ value: `${kind}:${item.id}`, label: name(item) })),
  }));
}

function AudienceSection({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  const data = useLists().filter(({ items }) => items.length > 0);
  const hidden = Object.keys(form.audience).filter((key) => key !== "exclude");
  return (
    <Stack gap="sm">
      <Radio.Group
        label={t("audience.who")}
        value={form.all ? "all" : "lists"}
        onChange={(value) => set({ all: value === "all" })}
        error={problem?.at("audience")}
      >
        <Group mt={4}>
          <Radio value="all" label={t("audience.all")} />
          <Radio value="lists" label={t("audience.lists")} />
        </Group>
      </Radio.Group>
      {!form.all && (
        <MultiSelect
          label={t("audience.include")}
          description={t("audience.includeHint")}
          searchable
          clearable
          data={data}
          value={form.include}
          onChange={(value) => set({ include: value as Chosen[] })}
          nothingFoundMessage={t("audience.noLists")}
          clearButtonProps={{ "aria-label": t("common.clear") }}
        />
      )}
      <MultiSelect
        label={t("audience.exclude")}
        description={t("audience.excludeHint")}
        searchable
        clearable
        data={data}
        value={form.exclude}
        onChange={(value) => set({ exclude: value as Chosen[] })}
        nothingFoundMessage={t("audience.noLists")}
        clearButtonProps={{ "aria-label": t("common.clear") }}
      />
      {hidden.length > 0 && <Alert color="cyan">{t("audience.more", { what: hidden.join(", ") })}</Alert>}
    </Stack>
  );
}

function ContentSection({ form, set, problem, email, html }: SectionProps & { email: boolean; html: boolean }) {
  const { t } = useTranslation();
  const templates = api.useQuery("get", "/v1/templates", { params: { query: { limit: 500 } } });
  const names = (templates.data?.items ?? []).map((item) => item.name);
  const hidden = Object.keys(form.content).filter((key) => key !== "template");
  return (
    <Stack gap="sm">
      <Radio.Group label={t("content.source")} value={form.source} onChange={(value) => set({ source: value === "template" ? "template" : "own" })}>
        <Group mt={4}>
          <Radio value="own" label={t("content.own")} />
          <Radio value="template" label={t("content.template")} disabled={names.length === 0 && form.template === ""} />
        </Group>
      </Radio.Group>
      {form.source === "template" ? (
        <Select
          label={t("content.template")}
          searchable
          data={names.includes(form.template) || form.template === "" ? names : [...names, form.template]}
          value={form.template || null}
          onChange={(value) => set({ template: value ?? "" })}
          error={problem?.at("content.template")}
        />
      ) : (
        <>
          {email && (
            <Group grow align="flex-start">
              <TextInput
                label={t("content.subject")}
                required
                value={form.subject}
                error={problem?.at("content.subject")}
                onChange={(e) => set({ subject: e.currentTarget.value })}
              />
              <TextInput
                label={t("content.preheader")}
                value={form.preheader}
                error={problem?.at("content.preheader")}
                onChange={(e) => set({ preheader: e.currentTarget.value })}
              />
            </Group>
          )}
          <Textarea
            label={t("content.text")}
            description={t("content.textHint", { name: '{{ contact.first_name | default: "there" }}', leave: "{{ unsubscribe_url }}" })}
            autosize
            minRows={5}
            maxRows={24}
            value={form.text}
            error={problem?.at("content.text")}
            onChange={(e) => set({ text: e.currentTarget.value })}
          />
          {html && (
            <Textarea
              label={t("content.html")}
              description={t("content.htmlHint")}
              autosize
              minRows={3}
              maxRows={24}
              styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
              value={form.html}
              error={problem?.at("content.html")}
              onChange={(e) => set({ html: e.currentTarget.value })}
            />
          )}
        </>
      )}
      {hidden.length > 0 && <Alert color="cyan">{t("content.more", { what: hidden.join(", ") })}</Alert>}
    </Stack>
  );
}

const tabs = ["now", "at", "week", "month", "cron"] as const;
const lastOfMonth = -1;

function WhenSection({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  const when = form.when;
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
      {problem?.at("schedule") && (
        <Text c="red" size="sm" role="alert">
          {problem.at("schedule")}
        </Text>
      )}
      {recurs(when) && !missing(form, false).includes("when") && <Instants form={form} />}
    </Stack>
  );
}

/** The schedule in words, and its next instants, as the server reckons them. */
function Instants({ form }: { form: Form }) {
  const { t } = useTranslation();
  const [schedule] = useDebouncedValue(scheduleOf(form.when, form.schedule), 300);
  const preview = api.useQuery("post", "/v1/schedules/preview", { body: { schedule, n: 10 } }, { placeholderData: keepPreviousData });
  return (
    <Stack gap={4} aria-live="polite">
      <Failure error={preview.error} />
      {preview.data && (
        <>
          <Text fw={600}>{preview.data.words}</Text>
          <Text size="sm">{t("when.instants", { zone: preview.data.timezone })}</Text>
          <List size="sm">
            {(preview.data.items ?? []).map((i) => (
              <List.Item key={i.at}>
                {i.local} ({i.offset}) {i.note && <Badge color="orange.9">{i.note}</Badge>} {i.skipped && <Badge color="gray.8">{i.skipped}</Badge>}
              </List.Item>
            ))}
          </List>
        </>
      )}
    </Stack>
  );
}

function PaceSection({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  return (
    <NumberInput
      label={t("pace.perSecond")}
      description={t("pace.perSecondHint")}
      min={0}
      allowNegative={false}
      value={form.perSecond}
      error={problem?.at("throttle")}
      onChange={(value) => set({ perSecond: String(value) })}
      maw="16rem"
    />
  );
}

/** What keeps it from being started, what may be a mistake, and who will get it, who not, and why. */
function Checks({ campaign }: { campaign: Schema<"Campaign"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const params = { path: { id: campaign.id } };
  const checks = api.useQuery("get", "/v1/campaigns/{id}/checks", { params }, { staleTime: 0 });
  const forecast = api.useQuery("get", "/v1/campaigns/{id}/preview", { params }, { staleTime: 0 });
  const skipped = Object.entries(forecast.data?.skipped ?? {});
  // What is warned of is said once.
  const warned = (checks.data?.warnings ?? []).map((check) => check.message);
  const notices = (forecast.data?.notices ?? []).filter((notice) => !warned.includes(notice));
  return (
    <Stack gap="xs" aria-live="polite">
      <Failure error={checks.error ?? forecast.error} />
      {(checks.data?.blockers ?? []).map((check) => (
        <Line key={check.code + (check.field ?? "")} color="red" check={check} />
      ))}
      {(checks.data?.warnings ?? []).map((check) => (
        <Line key={check.code + (check.field ?? "")} color="orange" check={check} />
      ))}
      {forecast.data?.total !== undefined && (
        <>
          <Text size="sm">
            {t("editor.reach", { count: forecast.data.reachable ?? 0, n: format.number(forecast.data.reachable ?? 0), total: format.number(forecast.data.total) })}
          </Text>
          {skipped.length > 0 && (
            <List size="sm">
              {skipped.map(([reason, n]) => (
                <List.Item key={reason}>
                  {format.number(n)} × {reason}
                </List.Item>
              ))}
            </List>
          )}
          {forecast.data.ends_at && (
            <Text size="sm">
              {t("editor.ends")} <When at={forecast.data.ends_at} />
            </Text>
          )}
        </>
      )}
      {notices.map((notice) => (
        <Alert key={notice} color="orange" p="xs">
          {notice}
        </Alert>
      ))}
      <Preview samples={forecast.data?.samples ?? []} />
    </Stack>
  );
}

function Line({ color, check }: { color: string; check: Schema<"Check"> }): ReactNode {
  return (
    <Alert color={color} p="xs">
      <Text size="sm" fw={600}>
        {check.message}
      </Text>
      <Text size="sm">{check.remedy}</Text>
    </Alert>
  );
}

/** Sends it to one address, such as one's own. */
function TestToMe({ campaign, email, keep }: { campaign: Schema<"Campaign">; email: boolean; keep: () => Promise<unknown> }) {
  const { t } = useTranslation();
  const session = api.useQuery("get", "/v1/session").data;
  const [to, setTo] = useState<string>();
  const address = to ?? (email ? (session?.email ?? "") : "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const test = async () => {
    setBusy(true);
    setError(null);
    try {
      await keep();
      await client.POST("/v1/campaigns/{id}/test", { params: { path: { id: campaign.id } }, body: { to: address } });
      notifications.show({ message: t("editor.tested", { to: address }) });
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card withBorder component="section">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void test();
        }}
      >
        <Stack gap="xs">
          <TextInput label={t("editor.testTo")} value={address} onChange={(e) => setTo(e.currentTarget.value)} />
          <Failure error={error} />
          <Button type="submit" variant="default" loading={busy} disabled={address === ""}>
            {t("editor.test")}
          </Button>
        </Stack>
      </form>
    </Card>
  );
}
