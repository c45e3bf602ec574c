import { Checkbox, Fieldset, MultiSelect, NumberInput, SimpleGrid, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { wrong } from "@/api/problem";

import { type Form, grouped } from "./form";

/** Fields that say what is wrong with them. */
export const shown = ["url", "description", "events", "channels", "campaigns", "batch", "headers"];

interface Props {
  form: Form;
  set: (change: Partial<Form>) => void;
  error: unknown;
  /** Names of headers that are kept. */
  kept?: readonly string[];
}

/** What a webhook is told, and where. */
export function Fields({ form, set, error, kept = [] }: Props) {
  const { t } = useTranslation();
  const events = api.useQuery("get", "/v1/webhook-events", {}, { staleTime: Infinity });
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } });
  const campaigns = api.useQuery("get", "/v1/campaigns", { params: { query: { limit: 500 } } });
  const named = (items: readonly { id: number; name: string }[] | null | undefined, chosen: string[]) => {
    const data = (items ?? []).map((item) => ({ value: String(item.id), label: item.name }));
    return [...data, ...chosen.filter((id) => !data.some((d) => d.value === id)).map((id) => ({ value: id, label: id }))];
  };
  return (
    <Stack gap="sm">
      <TextInput label={t("webhook.url")} description={t("webhook.urlHint")} type="url" required maxLength={2000} value={form.url} error={wrong(error, "url")} onChange={(e) => set({ url: e.currentTarget.value })} />
      <TextInput label={t("webhook.description")} maxLength={200} value={form.description} error={wrong(error, "description")} onChange={(e) => set({ description: e.currentTarget.value })} />
      <Fieldset legend={t("webhook.events")}>
        <Checkbox.Group value={form.events} onChange={(chosen) => set({ events: chosen })} aria-label={t("webhook.events")} error={wrong(error, "events")}>
          <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="xs">
            {grouped((events.data?.items ?? []).map(({ name }) => name)).map(([of, names]) => (
              <Stack key={of} gap={4}>
                <Text size="sm" fw={600}>
                  {of}
                </Text>
                {names.map((name) => (
                  <Checkbox key={name} size="xs" value={name} label={name} />
                ))}
              </Stack>
            ))}
          </SimpleGrid>
        </Checkbox.Group>
      </Fieldset>
      <Checkbox label={t("webhook.content")} description={t("webhook.contentHint")} checked={form.content} onChange={(e) => set({ content: e.currentTarget.checked })} />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <MultiSelect label={t("webhook.channels")} description={t("webhook.noneHint")} searchable data={named(channels.data?.items, form.channels)} value={form.channels} error={wrong(error, "channels")} onChange={(chosen) => set({ channels: chosen })} />
        <MultiSelect label={t("webhook.campaigns")} description={t("webhook.noneHint")} searchable data={named(campaigns.data?.items, form.campaigns)} value={form.campaigns} error={wrong(error, "campaigns")} onChange={(chosen) => set({ campaigns: chosen })} />
        <NumberInput label={t("webhook.most")} description={t("webhook.mostHint")} min={1} max={1000} allowDecimal={false} value={form.most} error={wrong(error, "batch.most")} onChange={(n) => set({ most: Number(n) || 1 })} />
        {form.most > 1 && (
          <NumberInput label={t("webhook.within")} description={t("webhook.withinHint")} min={0} max={60000} allowDecimal={false} value={form.within} error={wrong(error, "batch.within_ms")} onChange={(n) => set({ within: Number(n) || 0 })} />
        )}
      </SimpleGrid>
      <Textarea
        label={t("webhook.headers")}
        description={kept.length > 0 ? t("webhook.headersKept", { names: kept.join(", ") }) : t("webhook.headersHint")}
        autosize
        minRows={2}
        autoComplete="off"
        value={form.headers}
        error={wrong(error, "headers")}
        onChange={(e) => set({ headers: e.currentTarget.value })}
      />
    </Stack>
  );
}
