import { Button, Grid, Group, NativeSelect, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh } from "@/api/client";
import { Problem } from "@/api/problem";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";

import { Beside } from "./Beside";
import { definitionOf, emptyTranslation, languageName, saidOf, type Template, type Translation, within, withTranslation } from "./definition";
import { Parameters } from "./editor/Insert";
import { Live, useRendered } from "./Live";
import { StatusOf } from "./StatusOf";
import { TranslationFields, translationFields } from "./TranslationFields";

interface Props {
  template: Template;
  initial: Translation;
  isNew: boolean;
  /** It is not there any more. */
  gone: () => void;
}

/** Writes a template in one language, beside what comes of it or another language of it. */
export function EditTranslation({ template, initial, isNew, gone }: Props) {
  const { t, i18n } = useTranslation();
  const [form, setForm] = useState(initial);
  const [beside, setBeside] = useState("");
  const [asked, setAsked] = useState(false);
  const definition = useMemo(() => withTranslation(definitionOf(template), saidOf(form)), [template, form]);
  const unsaved = JSON.stringify(saidOf(form)) !== JSON.stringify(saidOf(initial));
  const says = JSON.stringify(saidOf(form)) !== JSON.stringify(saidOf(emptyTranslation(form.language, template.kinds ?? [])));
  const live = useRendered(definition, template.name, form.language, !isNew || says);
  const found = within(live.error, definition, form.language);
  const save = api.useMutation("put", "/v1/templates/{id}/translations/{language}", {
    onSuccess: async () => {
      notifications.show({ message: t("channel.saved", { name: template.name }) });
      gone();
      await refresh("/v1/templates");
    },
  });
  const problem = save.error instanceof Problem && !live.isFetching && found === undefined ? save.error : found;

  // Whoever closes the page meanwhile is asked.
  useEffect(() => {
    if (!unsaved) return;
    const stay = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", stay);
    return () => window.removeEventListener("beforeunload", stay);
  }, [unsaved]);

  const name = languageName(form.language, i18n.language);
  const others = (template.translations ?? []).filter((tr) => tr.language !== form.language);
  const keep = () => {
    const { language, ...body } = saidOf(form);
    save.mutate({ params: { path: { id: template.id, language } }, body: { ...body, version: template.version } });
  };
  return (
    <Parameters value={template.parameters ?? []}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          keep();
        }}
      >
        <Grid>
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Stack>
              {!isNew && <StatusOf template={template} language={form.language} />}
              <TranslationFields translation={form} kinds={template.kinds ?? []} set={setForm} problem={problem} />
              <Failure error={save.error} fields={translationFields} />
              <Group>
                <Button type="submit" loading={save.isPending} disabled={!unsaved && !isNew}>
                  {t("templates.save", { language: name })}
                </Button>
                {isNew ? (
                  <Button variant="default" onClick={gone}>
                    {t("common.leave")}
                  </Button>
                ) : (
                  others.length > 0 && (
                    <Button variant="outline" color="red" onClick={() => setAsked(true)}>
                      {t("templates.removeLanguage", { language: name })}
                    </Button>
                  )
                )}
              </Group>
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Stack style={{ position: "sticky", top: 70 }}>
              {others.length > 0 && (
                <NativeSelect
                  size="xs"
                  label={t("templates.beside")}
                  value={beside}
                  onChange={(e) => setBeside(e.currentTarget.value)}
                  data={[{ value: "", label: t("templates.besideItself", { language: name }) }, ...others.map((tr) => ({ value: tr.language, label: languageName(tr.language, i18n.language) }))]}
                />
              )}
              {beside === "" ? <Live live={live} fields={translationFields.map((f) => `translations[${(definition.translations ?? []).findIndex((tr) => tr.language === form.language)}].${f}`)} /> : <Beside key={beside} title={languageName(beside, i18n.language)} template={template} language={beside} />}
            </Stack>
          </Grid.Col>
        </Grid>
      </form>
      <Ask
        opened={asked}
        danger
        title={t("templates.removeTitle", { language: name, name: template.name })}
        action={t("templates.removeLanguage", { language: name })}
        run={async () => {
          await client.DELETE("/v1/templates/{id}/translations/{language}", { params: { path: { id: template.id, language: form.language } } });
          await refresh("/v1/templates");
        }}
        close={() => setAsked(false)}
      >
        {t("templates.removeHint", { language: languageName(template.default_language, i18n.language) })}
      </Ask>
    </Parameters>
  );
}
