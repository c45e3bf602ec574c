import { Accordion, Alert, Badge, Button, Card, Grid, Group, List, NativeSelect, Stack, Text, TextInput, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Problem } from "@/api/problem";
import { useKept } from "@/app/kept";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { ButtonLink, TextLink } from "@/ui/links";

import { AudienceSection } from "./Audience";
import { Checks } from "./Checks";
import { ContentSection } from "./Content";
import { TestToMe } from "./TestToMe";
import { WhenSection } from "./WhenSection";
import { ExperimentSection } from "./ExperimentSection";
import { PaceSection } from "./Pace";
import { type Form, inputOf, missing, recurs } from "./form";

const undoFor = 60; // seconds

const sections = ["audience", "content", "when", "pace", "experiment"] as const;

/** Keeps a campaign as a new draft, or as a change of one. */
async function write(made: Schema<"Campaign"> | undefined, form: Form) {
  const body = inputOf(form);
  const { data } = made ? await client.PATCH("/v1/campaigns/{id}", { params: { path: { id: made.id } }, body }) : await client.POST("/v1/campaigns", { body });
  return data;
}

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
  const saving = useKept(
    form,
    { complete: (f) => missing(f, email && can?.subject === true).length === 0, input: inputOf, write, path: "/v1/campaigns" },
    kept,
    setKept,
  );
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
                      {section !== "pace" && section !== "experiment" && lacks.includes(section) && <Badge color="orange.9">{t("editor.missing")}</Badge>}
                    </Group>
                  </Accordion.Control>
                  <Accordion.Panel>
                    {section === "audience" && <AudienceSection form={form} set={set} problem={problem} />}
                    {section === "content" && <ContentSection form={form} set={set} problem={problem} address={channel?.address ?? ""} can={can} />}
                    {section === "when" && <WhenSection form={form} set={set} problem={problem} />}
                    {section === "experiment" && <ExperimentSection form={form} set={set} problem={problem} email={email} />}
                    {section === "pace" && <PaceSection form={form} set={set} problem={problem} />}
                  </Accordion.Panel>
                </Accordion.Item>
              ))}
            </Accordion>
            <Failure error={saving.error} fields={["name", "channel_id", "channel", "audience", "content", "schedule", "throttle", "experiment"]} />
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
