import { Alert, Badge, Button, Grid, Loader, Stack } from "@mantine/core";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh } from "@/api/client";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";
import { Page } from "@/ui/Page";

import { EditContact } from "./EditContact";
import { Erase } from "./Erase";
import { Facts } from "./Facts";
import { Answers, Consents, Events, Sent } from "./History";
import { Memberships } from "./Memberships";
import { Merge } from "./Merge";
import { nameOf } from "./name";

/** One contact: who it is, what it is in, what it agreed to, what happened. */
export default function ContactPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const id = Number(useParams({ from: "/inside/contacts/$id" }).id);
  const params = { path: { id } };
  const edits = useMay("editor");
  const admin = useMay("admin");
  const [asked, setAsked] = useState<"out" | "in" | "delete" | "merge" | "erase">();
  const [editing, setEditing] = useState(false);
  const read = api.useQuery("get", "/v1/contacts/{id}", { params });
  const changed = () => refresh("/v1/contacts");
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  const c = read.data;
  if (!c) return <Loader aria-label={t("common.loading")} />;
  const name = nameOf(c);
  const close = () => setAsked(undefined);
  return (
    <Page
      title={name}
      within={{ label: t("contacts.title"), to: "/contacts" }}
      beside={<Badge color={c.status === "active" ? "green.9" : "gray.7"}>{t(`contacts.statuses.${c.status}`)}</Badge>}
      actions={
        edits && (
          <>
            <Button variant="default" onClick={() => setAsked("in")}>
              {t("contacts.optIn")}
            </Button>
            <Button variant="outline" color="red" onClick={() => setAsked("out")}>
              {t("contacts.optOut")}
            </Button>
            <Button variant="default" onClick={() => setAsked("merge")}>
              {t("merge.action")}
            </Button>
            <Button variant="default" component="a" href={`/v1/contacts/${id}/export`} download={`contact-${id}.json`}>
              {t("contacts.export")}
            </Button>
            {c.status !== "deleted" && (
              <Button variant="outline" color="red" onClick={() => setAsked("delete")}>
                {t("contacts.delete")}
              </Button>
            )}
            {admin && (
              <Button variant="outline" color="red" onClick={() => setAsked("erase")}>
                {t("erase.action")}
              </Button>
            )}
          </>
        )
      }
    >
      <Stack>
        {c.merged_into !== undefined && (
          <Alert color="orange">
            {t("merge.merged")}{" "}
            <TextLink to="/contacts/$id" params={{ id: String(c.merged_into) }}>
              #{c.merged_into}
            </TextLink>
          </Alert>
        )}
        <Grid>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Stack>
              {editing ? <EditContact contact={c} close={() => setEditing(false)} /> : <Facts contact={c} edit={edits ? () => setEditing(true) : undefined} />}
              <Memberships contact={c} />
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Stack>
              <Sent id={id} />
              <Events id={id} />
              <Answers id={id} />
              <Consents id={id} />
            </Stack>
          </Grid.Col>
        </Grid>
      </Stack>
      {(asked === "out" || asked === "in") && (
        <Ask
          opened
          danger={asked === "out"}
          title={asked === "out" ? t("contacts.optOutTitle", { name }) : t("contacts.optInTitle", { name })}
          action={asked === "out" ? t("contacts.optOut") : t("contacts.optIn")}
          run={async () => {
            if (asked === "out") await client.POST("/v1/contacts/{id}/opt-out", { params, body: {} });
            else await client.POST("/v1/contacts/{id}/opt-in", { params, body: {} });
            await changed();
          }}
          close={close}
        >
          {asked === "out" ? t("contacts.optOutHint") : t("contacts.optInHint")}
        </Ask>
      )}
      {asked === "delete" && (
        <Ask
          opened
          danger
          title={t("contacts.deleteTitle", { name })}
          action={t("contacts.delete")}
          run={async () => {
            await client.DELETE("/v1/contacts/{id}", { params });
            await navigate({ to: "/contacts" });
            await changed();
          }}
          close={close}
        >
          {t("contacts.deleteHint")}
        </Ask>
      )}
      {asked === "merge" && <Merge contact={c} close={close} />}
      {asked === "erase" && <Erase contact={c} close={close} />}
    </Page>
  );
}
