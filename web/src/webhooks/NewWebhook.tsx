import { Button, Group, Stack } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh } from "@/api/client";
import { SettingsPage } from "@/settings/SettingsPage";
import { Failure } from "@/ui/Failure";
import { Once } from "@/ui/Once";

import { Fields, shown } from "./Fields";
import { blank, type Form, inputOf } from "./form";

/** A webhook that is to be made; its secret is shown once. */
export default function NewWebhook() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [form, setForm] = useState<Form>(blank);
  const make = api.useMutation("post", "/v1/webhooks", { onSuccess: () => refresh("/v1/webhooks") });
  const made = make.data;
  return (
    <SettingsPage title={t("webhooks.new")}>
      {made ? (
        <Once
          title={t("webhook.secret")}
          hint={t("webhook.secretHint")}
          text={made.secret}
          done={() => void navigate({ to: "/settings/webhooks/$id", params: { id: String(made.id) } })}
        />
      ) : (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            make.mutate({ body: inputOf(form) });
          }}
        >
          <Stack maw="60rem">
            <Fields form={form} set={(change) => setForm((old) => ({ ...old, ...change }))} error={make.error} />
            <Failure error={make.error} fields={shown} />
            <Group>
              <Button type="submit" loading={make.isPending}>
                {t("webhooks.make")}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </SettingsPage>
  );
}
