import { Grid, Loader, Stack, Tabs } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";

import { Actions } from "./Actions";
import { Beside } from "./Beside";
import { Coverage } from "./Coverage";
import { emptyTranslation, languageName, type Template } from "./definition";
import { EditTranslation } from "./EditTranslation";
import { AddLanguage } from "./Languages";
import { TemplateSettings } from "./TemplateSettings";
import { Uses } from "./Uses";
import { Versions } from "./Versions";

/** One template: what it says in each language, who gets which, what it was before, and where it is used. */
export default function TemplatePage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/inside/templates/$id" }).id);
  const read = api.useQuery("get", "/v1/templates/{id}", { params: { path: { id } } });
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  if (!read.data) return <Loader aria-label={t("common.loading")} />;
  return <Known key={read.data.id} template={read.data} />;
}

function Known({ template }: { template: Template }) {
  const { t, i18n } = useTranslation();
  const edits = useMay("editor");
  const translations = template.translations ?? [];
  // A language that is begun is the page's alone until it is saved.
  const [begun, setBegun] = useState<string[]>([]);
  const has = translations.map((tr) => tr.language);
  const tags = [...new Set([template.default_language, ...has, ...begun])].filter((tag) => has.includes(tag) || begun.includes(tag) || (edits && has.length === 0));
  const [chosen, setChosen] = useState("");
  const tag = tags.includes(chosen) ? chosen : (tags[0] ?? "");
  // A new translation begins as what there is to translate.
  const source = translations.find((tr) => tr.language === template.default_language) ?? emptyTranslation(tag, template.kinds ?? []);
  const translation = translations.find((tr) => tr.language === tag) ?? { ...source, language: tag };
  return (
    <Page title={template.name} within={{ label: t("templates.title"), to: "/templates" }} actions={edits && <Actions template={template} />}>
      <Stack>
        {edits && (
          <AddLanguage
            has={tags}
            add={(added) => {
              setBegun([...begun, added]);
              setChosen(added);
            }}
          />
        )}
        {tag !== "" && (
          <Tabs value={tag} onChange={(to) => setChosen(to ?? "")} keepMounted={false}>
            <Tabs.List aria-label={t("templates.languages")}>
              {tags.map((one) => (
                <Tabs.Tab key={one} value={one}>
                  {languageName(one, i18n.language)}
                  {one === template.default_language ? ` ${t("templates.default")}` : ""}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value={tag} pt="md">
              {edits ? (
                <EditTranslation
                  key={`${tag} ${template.version}`}
                  template={template}
                  initial={translation}
                  isNew={!has.includes(tag)}
                  gone={() => setBegun(begun.filter((one) => one !== tag))}
                />
              ) : (
                <Beside title={languageName(tag, i18n.language)} template={template} language={tag} />
              )}
            </Tabs.Panel>
          </Tabs>
        )}
        <Grid>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <Coverage template={template} />
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <Uses template={template} />
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <Versions template={template} />
          </Grid.Col>
          {edits && (
            <Grid.Col span={{ base: 12, md: 6 }}>
              <TemplateSettings key={template.version} template={template} />
            </Grid.Col>
          )}
        </Grid>
      </Stack>
    </Page>
  );
}
