import { Button, Grid, Group, MultiSelect, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh } from "@/api/client";
import { Problem } from "@/api/problem";
import { Failure } from "@/ui/Failure";

import { emptyTranslation, kinds as allKinds, saidOf, type Template, within } from "./definition";
import { Language, tagIn } from "./Languages";
import { Live, useRendered } from "./Live";
import { categories } from "./TemplateSettings";
import { TranslationFields, translationFields } from "./TranslationFields";

interface Props {
  kinds: string[];
  name?: string;
  /** What a mail begins with. */
  subject?: string;
  made: (template: Template) => void;
}

/** Makes a template in its first language. */
export function Compose({ kinds: first, name: named = "", subject = "", made }: Props) {
  const { t, i18n } = useTranslation();
  const [name, setName] = useState(named);
  const [kinds, setKinds] = useState(first);
  const [category, setCategory] = useState("");
  const [language, setLanguage] = useState(i18n.language);
  const tag = tagIn(language);
  const [form, setForm] = useState(() => {
    const empty = emptyTranslation(i18n.language, first);
    return empty.email ? { ...empty, email: { ...empty.email, subject } } : empty;
  });
  // A change of kinds takes along what they have in common.
  const translation = useMemo(() => {
    const { email, ...rest } = form;
    return saidOf({ ...rest, language: tag, ...(kinds.includes("email") ? { email: email ?? { subject: "" } } : {}) });
  }, [form, tag, kinds]);
  const definition = useMemo(() => ({ kinds, default_language: tag, translations: [translation], ...(category ? { category } : {}) }), [kinds, tag, translation, category]);
  const started = Boolean(translation.body || translation.email?.mjml || translation.email?.html || translation.email?.text);
  const live = useRendered(definition, "", tag, started && kinds.length > 0 && tag !== "");
  const found = within(live.error, definition, tag);
  const save = api.useMutation("post", "/v1/templates", {
    onSuccess: async (template) => {
      await refresh("/v1/templates");
      made(template);
    },
  });
  const refused = within(save.error, definition, tag);
  const problem = found ?? refused;
  const field = (of: string) => (save.error instanceof Problem ? save.error.at(of) : undefined) ?? found?.at(of);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate({ body: { name: name.trim(), ...definition } });
      }}
    >
      <Grid>
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Stack>
            <TextInput label={t("templates.name")} description={t("templates.nameHint")} required maxLength={100} value={name} error={field("name")} onChange={(e) => setName(e.currentTarget.value)} />
            <Group grow align="flex-start">
              <MultiSelect
                label={t("templates.kind")}
                value={kinds}
                error={field("kinds")}
                onChange={setKinds}
                data={allKinds.map((value) => ({ value, label: t(`templates.kinds.${value}`) }))}
                clearButtonProps={{ "aria-label": t("common.clear") }}
              />
              <Language label={t("templates.language")} value={language} error={field("default_language") ?? problem?.at("language")} change={setLanguage} />
            </Group>
            {kinds.includes("whatsapp") && (
              <NativeSelect
                label={t("templates.category")}
                value={category}
                error={field("category")}
                onChange={(e) => setCategory(e.currentTarget.value)}
                data={categories.map((value) => ({ value, label: value === "" ? t("templates.noCategory") : value }))}
              />
            )}
            <TranslationFields translation={{ ...form, language: tag }} kinds={kinds} set={setForm} problem={problem} />
            <Failure error={refused ?? save.error} fields={["name", "kinds", "category", "default_language", "language", ...translationFields]} />
            <Group>
              <Button type="submit" loading={save.isPending}>
                {t("templates.create")}
              </Button>
            </Group>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack style={{ position: "sticky", top: 70 }}>
            <Live live={live} fields={["kinds", "category", "default_language", ...translationFields.map((f) => `translations[0].${f}`)]} />
          </Stack>
        </Grid.Col>
      </Grid>
    </form>
  );
}
