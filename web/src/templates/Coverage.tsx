import { List, Loader, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";

import { languageName, type Template } from "./definition";

const most = 10; // lines that are shown

/** How many people get the template in which language, and how many have a language that it lacks. */
export function Coverage({ template }: { template: Template }) {
  const { t, i18n } = useTranslation();
  const format = useFormat();
  const kinds = template.kinds ?? [];
  const covered = api.useQuery("get", "/v1/templates/{id}/coverage", { params: { path: { id: template.id }, query: kinds.length === 1 && kinds[0] ? { kind: kinds[0] } : {} } });
  const line = (item: Schema<"LanguageCount">, what: "gets" | "differs") => {
    const language = item.language === "" ? t("templates.unsaid") : languageName(item.language, i18n.language);
    return (
      <List.Item key={`${what}${item.language}`}>
        {item.language === "" && what === "differs" ? t("templates.withoutLanguage", { count: item.people, n: format.number(item.people) }) : t(`templates.${what}`, { count: item.people, n: format.number(item.people), language })}
      </List.Item>
    );
  };
  const gets = covered.data?.languages ?? [];
  const missing = (covered.data?.missing ?? []).filter((item) => item.people > 0);
  return (
    <Part title={t("templates.coverage")}>
      {covered.error ? <Failure error={covered.error} /> : !covered.data && <Loader size="sm" aria-label={t("common.loading")} />}
      {covered.data && (
        <Stack gap="xs">
          {gets.length > 0 && <List size="sm">{gets.slice(0, most).map((item) => line(item, "gets"))}</List>}
          {missing.length > 0 && <Text size="sm">{t("templates.missing")}</Text>}
          {missing.length > 0 && <List size="sm">{missing.slice(0, most).map((item) => line(item, "differs"))}</List>}
          {missing.length === 0 && <Text size="sm">{t("templates.covered")}</Text>}
        </Stack>
      )}
    </Part>
  );
}
