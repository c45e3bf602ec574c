import { Button, Fieldset, Group, MultiSelect, NativeSelect, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh } from "@/api/client";
import { wrong } from "@/api/problem";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";

import { definitionOf, kinds, languageName, type Template } from "./definition";

/** Categories as WhatsApp has them today; others stay as they are. */
export const categories = ["", "marketing", "utility", "authentication"] as const;

/** What a template is for, whom its default language is for, and what its parameters stand for. */
export function TemplateSettings({ template }: { template: Template }) {
  const { t, i18n } = useTranslation();
  const [form, setForm] = useState(() => definitionOf(template));
  const set = (change: Partial<typeof form>) => setForm((old) => ({ ...old, ...change }));
  const save = api.useMutation("put", "/v1/templates/{id}", {
    onSuccess: async () => {
      notifications.show({ message: t("channel.saved", { name: template.name }) });
      await refresh("/v1/templates");
    },
  });
  const parameters = form.parameters ?? [];
  const error = save.error;
  const category = form.category ?? "";
  return (
    <Part title={t("templates.settings")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          save.mutate({ params: { path: { id: template.id } }, body: { ...form, version: template.version } });
        }}
      >
        <Stack gap="xs">
          <MultiSelect
            label={t("templates.kind")}
            value={form.kinds ?? []}
            error={wrong(error, "kinds")}
            onChange={(to) => set({ kinds: to })}
            data={kinds.map((value) => ({ value, label: t(`templates.kinds.${value}`) }))}
            clearButtonProps={{ "aria-label": t("common.clear") }}
          />
          <NativeSelect
            label={t("templates.category")}
            value={category}
            error={wrong(error, "category")}
            onChange={(e) => set({ category: e.currentTarget.value })}
            data={[...new Set<string>([...categories, category])].map((value) => ({ value, label: value === "" ? t("templates.noCategory") : value }))}
          />
          <NativeSelect
            label={t("templates.defaultLanguage")}
            description={t("templates.defaultHint")}
            value={form.default_language}
            error={wrong(error, "default_language")}
            onChange={(e) => set({ default_language: e.currentTarget.value })}
            data={[...new Set([form.default_language, ...(form.translations ?? []).map((tr) => tr.language)])].map((tag) => ({ value: tag, label: languageName(tag, i18n.language) }))}
          />
          <TagsInput
            label={t("templates.fallback")}
            description={t("templates.fallbackHint")}
            value={form.fallback ?? []}
            error={wrong(error, "fallback")}
            onChange={(fallback) => set({ fallback })}
            clearButtonProps={{ "aria-label": t("common.clear") }}
          />
          <Fieldset legend={t("templates.parameters")}>
            <Stack gap="xs">
              <Text size="sm" c="dimmed">
                {t("templates.parametersHint")}
              </Text>
              {parameters.map((p, i) => {
                const at = (change: Partial<typeof p>) => set({ parameters: parameters.map((other, n) => (n === i ? { ...other, ...change } : other)) });
                const nth = t("templates.nth", { n: i + 1 });
                return (
                  <Group key={i} align="flex-end" grow>
                    <TextInput label={`${t("templates.name")} ${nth}`} value={p.name} error={wrong(error, `parameters[${i}].name`)} onChange={(e) => at({ name: e.currentTarget.value })} />
                    <TextInput label={`${t("templates.parameterValue")} ${nth}`} value={p.value} error={wrong(error, `parameters[${i}].value`)} onChange={(e) => at({ value: e.currentTarget.value })} />
                    <TextInput label={`${t("templates.sample")} ${nth}`} value={p.sample} error={wrong(error, `parameters[${i}].sample`)} onChange={(e) => at({ sample: e.currentTarget.value })} />
                    <Button variant="default" onClick={() => set({ parameters: parameters.filter((_, n) => n !== i) })}>
                      {t("templates.dropParameter", { n: i + 1 })}
                    </Button>
                  </Group>
                );
              })}
              <Group>
                <Button
                  size="compact-sm"
                  variant="default"
                  onClick={() => set({ parameters: [...parameters, { name: String(parameters.length + 1), value: "{{ contact.first_name }}", sample: "Ada" }] })}
                >
                  {t("templates.addParameter")}
                </Button>
              </Group>
            </Stack>
          </Fieldset>
          <Failure error={error} fields={["kinds", "category", "default_language", "fallback", ...parameters.flatMap((_, i) => ["name", "value", "sample"].map((f) => `parameters[${i}].${f}`))]} />
          <Group>
            <Button type="submit" variant="default" loading={save.isPending}>
              {t("templates.saveSettings")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  );
}
