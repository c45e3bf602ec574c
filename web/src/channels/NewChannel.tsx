import { Button, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";

import { ProviderFields, SendingFields, shownFields } from "./fields";
import { type Form, formOf, inputOf } from "./form";
import { someTwice } from "./mailboxes";
import { settingsOf, valuesOf } from "./settings";

/** Makes a channel: a provider, what it needs, and how fast it may go. */
export default function NewChannel() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const providers = api.useQuery("get", "/v1/providers", {}, { staleTime: Infinity });
  const [provider, setProvider] = useState<Schema<"Provider">>();
  const [form, setForm] = useState<Form>(() => formOf([]));
  const set = (change: Partial<Form>) => setForm((old) => ({ ...old, ...change }));
  const settings = provider ? settingsOf(provider.config) : [];
  const create = api.useMutation("post", "/v1/channels", {
    onSuccess: async (made) => {
      await refresh("/v1/channels", "/v1/status");
      await navigate({ to: "/channels/$id", params: { id: String(made.id) } });
    },
  });
  return (
    <Page title={t("channels.new")} within={{ label: t("channels.title"), to: "/channels" }}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (provider) create.mutate({ body: inputOf(provider.name, settings, form) });
        }}
      >
        <Stack maw="60rem">
          <Failure error={providers.error} again={() => void providers.refetch()} />
          <Group align="flex-start" grow>
            <NativeSelect
              label={t("channels.provider")}
              required
              value={provider?.name ?? ""}
              error={wrong(create.error, "provider")}
              onChange={(e) => {
                const chosen = providers.data?.items?.find((p) => p.name === e.currentTarget.value);
                setProvider(chosen);
                create.reset();
                // What one provider was told, its secrets above all, is nothing for another.
                set({ values: valuesOf(chosen ? settingsOf(chosen.config) : [], {}), name: form.name || (chosen?.title ?? "") });
              }}
              data={[{ value: "", label: t("channel.choose") }, ...(providers.data?.items ?? []).map((p) => ({ value: p.name, label: p.title }))]}
            />
            <TextInput label={t("channels.name")} required maxLength={200} value={form.name} error={wrong(create.error, "name")} onChange={(e) => set({ name: e.currentTarget.value })} />
          </Group>
          {provider && (
            <>
              <Text size="sm">{provider.description}</Text>
              <ProviderFields settings={settings} stored={{}} form={form} set={set} error={create.error} />
              <SendingFields address={provider.address} form={form} set={set} error={create.error} />
            </>
          )}
          <Failure error={create.error} fields={["provider", ...shownFields(settings)]} />
          <Group>
            <Button type="submit" loading={create.isPending} disabled={!provider || someTwice(form.mailboxes)}>
              {t("channel.create")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Page>
  );
}
