import { Alert, Button, Card, Checkbox, Group, List, NativeSelect, NumberInput, Select, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { nameOf } from "@/contacts/name";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";

import { pathOf } from "./drawing";
import type { FlowForm } from "./form";

const day = 24 * 60 * 60_000; // ms

/** When people are played to have written to the channels last. */
const written = ["known", "before", "never"] as const;

/** Plays the flow on a clock of its own: months in seconds, and nothing is sent. */
export function Simulate({ flow, form, keep, show }: { flow: Schema<"Flow">; form: FlowForm; keep: () => Promise<unknown>; show: (path: ReadonlySet<string>) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [search, setSearch] = useState("");
  const [q] = useDebouncedValue(search, 250);
  const [who, setWho] = useState<string | null>(null);
  const [days, setDays] = useState(30);
  const [answers, setAnswers] = useState<Record<string, string>>({});
  const [silent, setSilent] = useState<string[]>([]);
  const [wrote, setWrote] = useState<(typeof written)[number]>("known");
  const [before, setBefore] = useState("2h");
  const found = api.useQuery("get", "/v1/contacts", { params: { query: { limit: 20, ...(q ? { q } : {}) } } }).data?.items ?? [];
  const play = api.useMutation("post", "/v1/flows/{id}/simulate");
  const [unkept, setUnkept] = useState<unknown>(null);
  const asks = form.steps.filter((s) => s.kind === "ask");
  const run = async () => {
    setUnkept(null);
    try {
      await keep();
    } catch (e) {
      setUnkept(e);
      return;
    }
    const from = new Date();
    const given = asks.flatMap((s): [string, string[]][] => (silent.includes(s.id) ? [[s.id, [""]]] : answers[s.id] ? [[s.id, [answers[s.id] ?? ""]]] : []));
    const body = {
      from: from.toISOString(),
      until: new Date(from.getTime() + days * day).toISOString(),
      ...(who ? { contacts: [{ id: Number(who) }] } : {}),
      answers: Object.fromEntries(given),
      ...(wrote === "known" ? {} : { wrote: wrote === "never" ? wrote : before }),
    };
    play.mutate({ params: { path: { id: flow.id } }, body }, { onSuccess: (sim) => show(new Set((sim.ways ?? []).flatMap((w) => pathOf(w.way ?? [], w.step)))) });
  };
  const sim = play.data;
  return (
    <>
      <Card withBorder component="section">
        <Title order={2} size="h4" mb="xs">
          {t("flow.simulate")}
        </Title>
        <Stack gap="xs">
          <Text size="sm">{t("flow.simulateHint")}</Text>
          <Select
            label={t("flow.simulateWho")}
            description={t("flow.simulateWhoHint")}
            searchable
            clearable
            data={found.map((c) => ({ value: String(c.id), label: nameOf(c) }))}
            filter={({ options }) => options}
            searchValue={search}
            onSearchChange={setSearch}
            value={who}
            onChange={setWho}
            nothingFoundMessage={t("contacts.noneFound")}
            clearButtonProps={{ "aria-label": t("common.clear") }}
          />
          {asks.map((s) => (
            <Group key={s.id} align="flex-end" wrap="nowrap">
              <TextInput
                flex={1}
                label={t("flow.answerTo", { step: s.id })}
                placeholder={t("flow.madeUp")}
                disabled={silent.includes(s.id)}
                value={answers[s.id] ?? ""}
                onChange={(e) => setAnswers({ ...answers, [s.id]: e.currentTarget.value })}
              />
              <Checkbox
                mb={8}
                label={t("flow.silent")}
                aria-label={t("flow.silentAt", { step: s.id })}
                checked={silent.includes(s.id)}
                onChange={(e) => setSilent(e.currentTarget.checked ? [...silent, s.id] : silent.filter((one) => one !== s.id))}
              />
            </Group>
          ))}
          <NativeSelect
            label={t("flow.wrote")}
            description={t("flow.wroteHint")}
            value={wrote}
            onChange={(e) => setWrote(written.find((w) => w === e.currentTarget.value) ?? "known")}
            data={written.map((value) => ({ value, label: t(`flow.wroteWhen.${value}`) }))}
          />
          {wrote === "before" && (
            <TextInput label={t("flow.wroteBefore")} description={t("flow.wroteBeforeHint")} required value={before} error={wrong(play.error, "wrote")} onChange={(e) => setBefore(e.currentTarget.value)} />
          )}
          <NumberInput label={t("flow.playDays")} min={1} max={400} value={days} onChange={(v) => setDays(Number(v) || 1)} />
          <Failure error={unkept ?? play.error} fields={["wrote"]} />
          <Button loading={play.isPending} onClick={() => void run()}>
            {t("flow.play")}
          </Button>
        </Stack>
      </Card>
      {sim && (
        <Card withBorder component="section" aria-live="polite">
          <Title order={2} size="h4" mb="xs">
            {t("flow.played", { count: sim.people })}
          </Title>
          <Table aria-label={t("flow.happens")} verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("flow.at")}</Table.Th>
                <Table.Th>{t("flow.step")}</Table.Th>
                <Table.Th>{t("flow.says")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {(sim.messages ?? []).slice(0, 100).map((m, i) => (
                <Table.Tr key={i}>
                  <Table.Td>{format.instant(m.at)}</Table.Td>
                  <Table.Td>{m.step}</Table.Td>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>
                    {m.content?.subject && (
                      <Text size="sm" fw={600}>
                        {m.content.subject}
                      </Text>
                    )}
                    <Text size="sm">{m.content?.text}</Text>
                    {m.skipped && (
                      <Text size="sm" c="red">
                        {t("flow.notSent", { why: m.skipped })}
                      </Text>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          <List size="sm" mt="xs">
            {(sim.outcomes ?? []).map((o) => (
              <List.Item key={`${o.outcome} ${o.reason ?? ""}`}>
                {[o.outcome, o.reason].filter(Boolean).join(", ")}: {format.number(o.count)}
              </List.Item>
            ))}
            {sim.ways?.length === 1 && sim.ways[0]?.ended_at && <List.Item>{t("flow.endsAt", { at: format.instant(sim.ways[0].ended_at) })}</List.Item>}
          </List>
          {(sim.notices ?? []).map((notice) => (
            <Alert key={notice} color="gray" mt="xs" p="xs">
              {notice}
            </Alert>
          ))}
        </Card>
      )}
    </>
  );
}
