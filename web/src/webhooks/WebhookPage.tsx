import { Alert, Button, Group, Loader, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { SettingsPage } from "@/settings/SettingsPage";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";

import { Deliveries } from "./Deliveries";
import { Fields, shown } from "./Fields";
import { changeOf, type Form, formOf } from "./form";
import { Secret } from "./Secret";
import { Health, WebhookBadge } from "./Webhooks";

type Webhook = Schema<"Webhook">;

/** One webhook: how it goes, what it was told, what it is made of. */
export default function WebhookPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/inside/settings/webhooks/$id" }).id);
  const read = api.useQuery("get", "/v1/webhooks/{id}", { params: { path: { id } } });
  return (
    <SettingsPage title={read.data?.description || (read.data?.url ?? t("webhooks.title"))} actions={read.data && <Actions webhook={read.data} />}>
      <Failure error={read.error} again={() => void read.refetch()} />
      {read.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
      {read.data && (
        <Stack>
          <Group gap="sm">
            <WebhookBadge state={read.data.state} />
            <Health webhook={read.data} />
          </Group>
          {read.data.state === "off" && (
            <Alert color="red" role="status">
              {t("webhook.offHint")}
            </Alert>
          )}
          <Part title={t("deliveries.title")}>
            <Deliveries id={id} />
          </Part>
          <Part title={t("webhook.secret")}>
            <Secret webhook={read.data} />
          </Part>
          <Part title={t("webhook.told")}>
            <Edit key={id} webhook={read.data} />
          </Part>
        </Stack>
      )}
    </SettingsPage>
  );
}

function Actions({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [asked, setAsked] = useState(false);
  const path = { id: webhook.id };
  const change = api.useMutation("patch", "/v1/webhooks/{id}", { onSuccess: () => refresh("/v1/webhooks") });
  const test = api.useMutation("post", "/v1/webhooks/{id}/test", {
    onSuccess: async (delivery) => {
      await navigate({ to: "/settings/webhooks/$id", params: { id: String(webhook.id) }, search: { delivery: String(delivery.id) } });
      await refresh("/v1/webhooks");
    },
  });
  return (
    <>
      <Failure error={change.error ?? test.error} />
      <Button variant="default" loading={test.isPending} onClick={() => test.mutate({ params: { path } })}>
        {t("webhook.test")}
      </Button>
      <Button
        variant="default"
        loading={change.isPending}
        onClick={() => change.mutate({ params: { path }, body: { state: webhook.state === "on" ? "paused" : "on" } })}
      >
        {webhook.state === "on" ? t("webhook.pause") : t("webhook.goOn")}
      </Button>
      <Button color="red" variant="outline" onClick={() => setAsked(true)}>
        {t("webhook.delete")}
      </Button>
      <Ask
        opened={asked}
        danger
        title={t("webhook.deleteTitle")}
        action={t("webhook.delete")}
        run={async () => {
          await client.DELETE("/v1/webhooks/{id}", { params: { path } });
          await navigate({ to: "/settings/webhooks" });
          await refresh("/v1/webhooks");
        }}
        close={() => setAsked(false)}
      >
        {t("webhook.deleteHint", { url: webhook.url })}
      </Ask>
    </>
  );
}

function Edit({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation();
  const [before, setBefore] = useState(() => formOf(webhook));
  const [form, setForm] = useState<Form>(before);
  const change = changeOf(before, form);
  const save = api.useMutation("patch", "/v1/webhooks/{id}", {
    onSuccess: async (kept) => {
      setBefore(formOf(kept));
      setForm(formOf(kept));
      notifications.show({ message: t("webhook.saved") });
      await refresh("/v1/webhooks");
    },
  });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate({ params: { path: { id: webhook.id } }, body: change });
      }}
    >
      <Stack maw="60rem">
        <Fields form={form} set={(part) => setForm((old) => ({ ...old, ...part }))} error={save.error} kept={webhook.headers ?? []} />
        <Failure error={save.error} fields={shown} />
        <Group>
          <Button type="submit" loading={save.isPending} disabled={Object.keys(change).length === 0}>
            {t("common.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
