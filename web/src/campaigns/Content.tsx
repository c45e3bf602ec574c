import { Alert, Group, Radio, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";

import { type SectionProps } from "./section";

/** What it says. */
export function ContentSection({ form, set, problem, email, html }: SectionProps & { email: boolean; html: boolean }) {
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
