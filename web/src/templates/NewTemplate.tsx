import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { Page } from "@/ui/Page";

import { Compose } from "./Compose";

/** Makes a template. */
export default function NewTemplate() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <Page title={t("templates.new")} within={{ label: t("templates.title"), to: "/templates" }}>
      <Compose kinds={["email"]} made={(template) => void navigate({ to: "/templates/$id", params: { id: String(template.id) } })} />
    </Page>
  );
}
