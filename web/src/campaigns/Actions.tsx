import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { ButtonLink } from "@/ui/links";

import { Resend } from "./Resend";

type Campaign = Schema<"Campaign">;

/** What can be done with a campaign in its state. */
export function Actions({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const edits = useMay("editor");
  const [asked, setAsked] = useState<"pause" | "cancel" | "delete" | "resend">();
  const path = { params: { path: { id: campaign.id } } };
  const changed = () => refresh("/v1/campaigns", "/v1/runs");
  const pause = api.useMutation("post", "/v1/campaigns/{id}/pause", { onSuccess: changed });
  const resume = api.useMutation("post", "/v1/campaigns/{id}/resume", { onSuccess: changed });
  const duplicate = api.useMutation("post", "/v1/campaigns/{id}/duplicate", {
    onSuccess: async (made) => {
      await changed();
      await navigate({ to: "/campaigns/$id/edit", params: { id: String(made.id) } });
    },
  });
  if (!edits) return null;
  const draft = campaign.status === "draft" || campaign.status === "scheduled";
  const active = campaign.status === "running" || campaign.status === "scheduled" || campaign.status === "paused";
  const over = campaign.status === "finished" || campaign.status === "canceled" || campaign.status === "failed";
  return (
    <>
      {draft && (
        <ButtonLink to="/campaigns/$id/edit" params={{ id: String(campaign.id) }} variant="default">
          {t("campaign.edit")}
        </ButtonLink>
      )}
      {(campaign.status === "running" || campaign.status === "scheduled") && (
        <Button variant="default" loading={pause.isPending} onClick={() => pause.mutate(path)}>
          {t("campaign.pause")}
        </Button>
      )}
      {campaign.status === "paused" && (
        <Button loading={resume.isPending} onClick={() => resume.mutate(path)}>
          {t("campaign.resume")}
        </Button>
      )}
      {over && (
        <Button variant="default" onClick={() => setAsked("resend")}>
          {t("campaign.resend")}
        </Button>
      )}
      <Button variant="default" loading={duplicate.isPending} onClick={() => duplicate.mutate({ ...path, body: {} })}>
        {t("campaign.duplicate")}
      </Button>
      {active && (
        <Button color="red" variant="outline" onClick={() => setAsked("cancel")}>
          {t("campaign.cancel")}
        </Button>
      )}
      {campaign.status === "draft" && (
        <Button color="red" variant="outline" onClick={() => setAsked("delete")}>
          {t("campaign.delete")}
        </Button>
      )}
      <Failure error={pause.error ?? resume.error ?? duplicate.error} />
      <Ask
        opened={asked === "cancel"}
        title={t("campaign.cancelTitle", { name: campaign.name })}
        action={t("campaign.cancel")}
        danger
        run={async () => {
          await client.POST("/v1/campaigns/{id}/cancel", path);
          await changed();
        }}
        close={() => setAsked(undefined)}
      >
        {t("campaign.cancelHint")}
      </Ask>
      <Ask
        opened={asked === "delete"}
        title={t("campaign.deleteTitle", { name: campaign.name })}
        action={t("campaign.delete")}
        danger
        run={async () => {
          await client.DELETE("/v1/campaigns/{id}", path);
          await navigate({ to: "/campaigns" });
          await changed();
        }}
        close={() => setAsked(undefined)}
      >
        {t("campaign.deleteHint")}
      </Ask>
      {asked === "resend" && <Resend campaign={campaign} close={() => setAsked(undefined)} />}
    </>
  );
}
