import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, refresh } from "@/api/client";
import { Page } from "@/ui/Page";

import { ListForm, type ListParts } from "./ListForm";

/** Makes a targeting list. What is made stands in the address, so that it is there after a reload. */
export default function NewList() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/targeting/new" });
  const navigate = useNavigate({ from: "/targeting/new" });
  const [initial] = useState<ListParts>({ name: search.name ?? "", rule: search.rule });
  const save = async ({ name, rule }: ListParts) => {
    const { data } = await client.POST("/v1/targeting", { body: { name, rule } });
    await refresh("/v1/targeting");
    await navigate({ to: "/targeting/$id", params: { id: String(data?.id) } });
  };
  const changed = ({ name, rule }: ListParts) => void navigate({ search: { ...(name ? { name } : {}), ...(rule ? { rule } : {}) }, replace: true });
  return (
    <Page title={t("targeting.new")} within={{ label: t("targeting.title"), to: "/targeting" }}>
      <ListForm initial={initial} save={save} changed={changed} />
    </Page>
  );
}
