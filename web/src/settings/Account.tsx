import { Button, Checkbox, ColorInput, Group, Loader, NativeSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";
import { Quiet } from "@/ui/Quiet";
import { Zone } from "@/ui/Zone";

import { Brand } from "./Brand";
import { SettingsPage } from "./SettingsPage";
import { changeOf, type Form, formOf } from "./form";

/** The account's own settings. */
export default function Account() {
  const { t } = useTranslation();
  const read = api.useQuery("get", "/v1/settings");
  return (
    <SettingsPage title={t("settings.title")}>
      <Failure error={read.error} again={() => void read.refetch()} />
      {read.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
      {read.data && <Known settings={read.data} />}
    </SettingsPage>
  );
}

const fields = ["timezone", "country", "public_url", "brand_name", "brand_color", "quiet_hours", "report_mail"];

function Known({ settings }: { settings: Schema<"AccountSettings"> }) {
  const { t } = useTranslation();
  const [before, setBefore] = useState(() => formOf(settings));
  const [form, setForm] = useState<Form>(before);
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } });
  const set = (change: Partial<Form>) => setForm((old) => ({ ...old, ...change }));
  const change = changeOf(before, form);
  const save = api.useMutation("patch", "/v1/settings", {
    onSuccess: async (kept) => {
      setBefore(formOf(kept));
      setForm(formOf(kept));
      notifications.show({ message: t("settings.saved") });
      await refresh("/v1/settings");
    },
  });
  const mails = (channels.data?.items ?? []).filter((c) => c.address === "email");
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate({ body: change });
      }}
    >
      <Stack maw="48rem">
        <Part title={t("settings.account")}>
          <Stack gap="sm">
            <Zone
              label={t("when.zone")}
              description={t("settings.zoneHint")}
              value={form.timezone}
              error={wrong(save.error, "timezone")}
              onChange={(timezone) => set({ timezone })}
            />
            <TextInput
              label={t("settings.country")}
              description={t("settings.countryHint")}
              maxLength={2}
              maw="20rem"
              value={form.country}
              error={wrong(save.error, "country")}
              onChange={(e) => set({ country: e.currentTarget.value.toUpperCase() })}
            />
            <Checkbox label={t("settings.approval")} description={t("settings.approvalHint")} checked={form.approval} onChange={(e) => set({ approval: e.currentTarget.checked })} />
          </Stack>
        </Part>
        <Part title={t("settings.brand")}>
          <Stack gap="sm">
            <TextInput
              label={t("settings.brandName")}
              description={t("settings.brandHint")}
              maxLength={100}
              value={form.brandName}
              error={wrong(save.error, "brand_name")}
              onChange={(e) => set({ brandName: e.currentTarget.value })}
            />
            <ColorInput
              label={t("settings.brandColor")}
              maw="20rem"
              value={form.brandColor}
              error={wrong(save.error, "brand_color")}
              onChange={(brandColor) => set({ brandColor })}
              eyeDropperButtonProps={{ "aria-label": t("settings.pick") }}
            />
            <Brand name={form.brandName} color={form.brandColor} />
            <TextInput
              label={t("settings.publicURL")}
              description={t("settings.publicURLHint")}
              type="url"
              value={form.publicURL}
              error={wrong(save.error, "public_url")}
              onChange={(e) => set({ publicURL: e.currentTarget.value })}
            />
          </Stack>
        </Part>
        <Quiet from={form.from} to={form.to} error={save.error} set={set} />
        <Checkbox
          label={t("settings.quietTransactional")}
          checked={form.quietTransactional}
          onChange={(e) => set({ quietTransactional: e.currentTarget.checked })}
        />
        <Part title={t("settings.mails")}>
          <Stack gap="sm">
            <NativeSelect
              label={t("settings.mailChannel")}
              description={t("settings.mailChannelHint")}
              maw="20rem"
              value={String(form.channel)}
              error={wrong(save.error, "report_mail.channel_id")}
              onChange={(e) => set({ channel: Number(e.currentTarget.value) })}
              data={[
                { value: "0", label: t("settings.noMails") },
                ...mails.map((c) => ({ value: String(c.id), label: c.name })),
                ...(form.channel !== 0 && !mails.some((c) => c.id === form.channel) ? [{ value: String(form.channel), label: String(form.channel) }] : []),
              ]}
            />
            <Textarea
              label={t("settings.mailTo")}
              description={t("settings.mailToHint")}
              autosize
              minRows={2}
              value={form.mailTo}
              error={wrong(save.error, "report_mail.to")}
              onChange={(e) => set({ mailTo: e.currentTarget.value })}
            />
            <Checkbox label={t("settings.weekly")} checked={form.weekly} onChange={(e) => set({ weekly: e.currentTarget.checked })} />
            <Checkbox label={t("settings.troubles")} checked={form.troubles} onChange={(e) => set({ troubles: e.currentTarget.checked })} />
          </Stack>
        </Part>
        <Failure error={save.error} fields={fields} />
        <Group>
          <Button type="submit" loading={save.isPending} disabled={Object.keys(change).length === 0}>
            {t("common.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
