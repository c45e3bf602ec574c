import { Button, Loader } from "@mantine/core";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh } from "@/api/client";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { ButtonLink } from "@/ui/links";
import { Page } from "@/ui/Page";

import { ListForm, type ListParts } from "./ListForm";
import type { Json } from "./rule";

/** One targeting list: its rule, whom it holds for, and what can be done with them. */
export default function ListPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const id = Number(useParams({ from: "/inside/targeting/$id" }).id);
  const params = { path: { id } };
  const edits = useMay("editor");
  const [asked, setAsked] = useState(false);
  const read = api.useQuery("get", "/v1/targeting/{id}", { params }, { staleTime: 0, refetchOnWindowFocus: false });
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  const list = read.data;
  if (!list) return <Loader aria-label={t("common.loading")} />;
  const save = async ({ name, rule }: ListParts) => {
    await client.PATCH("/v1/targeting/{id}", { params, body: { name, rule } });
    await refresh("/v1/targeting");
  };
  return (
    <Page
      title={list.name}
      within={{ label: t("targeting.title"), to: "/targeting" }}
      actions={
        edits && (
          <>
            <ButtonLink to="/campaigns/new" search={{ targeting: String(id) }}>
              {t("targeting.newCampaign")}
            </ButtonLink>
            <Button variant="outline" color="red" onClick={() => setAsked(true)}>
              {t("targeting.delete")}
            </Button>
          </>
        )
      }
    >
      <ListForm key={id} initial={{ name: list.name, rule: list.rule as Json }} save={save} disabled={!edits} />
      <Ask
        opened={asked}
        danger
        title={t("targeting.deleteTitle", { name: list.name })}
        action={t("targeting.delete")}
        run={async () => {
          await client.DELETE("/v1/targeting/{id}", { params });
          await navigate({ to: "/targeting" });
          await refresh("/v1/targeting");
        }}
        close={() => setAsked(false)}
      >
        {t("targeting.deleteHint")}
      </Ask>
    </Page>
  );
}
