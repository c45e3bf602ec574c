import { Badge, Button, Code, Group, Loader, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { TextLink } from "@/ui/links";

import { blank, changeOf, type Form, formOf, inputOf } from "./provider";
import { ProviderFields, shown } from "./ProviderFields";
import { SettingsPage } from "./SettingsPage";

type Provider = Schema<"IdentityProvider">;

/** Through whom people may sign in. Which one is edited stands in the address. */
export default function Providers() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/settings/identity-providers" });
  const edited = Number(search.provider);
  return (
    <SettingsPage title={t("providers.title")}>
      <Stack>
        <Part title={t("providers.title")}>
          <List />
        </Part>
        {edited > 0 ? <Edited key={edited} id={edited} /> : <Make />}
      </Stack>
    </SettingsPage>
  );
}

function List() {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/identity-providers", { params: { query: {} } }, pages);
  const [asked, setAsked] = useState<Provider>();
  return (
    <>
      <Rows<Provider>
        label={t("providers.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(p) => p.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Empty title={t("providers.none")}>{t("providers.noneHint")}</Empty>}
        columns={[
          {
            key: "name",
            label: t("session.name"),
            cell: (p) => (
              <Group gap={6}>
                <TextLink to="/settings/identity-providers" search={{ provider: String(p.id) }}>
                  {p.name}
                </TextLink>
                {!p.enabled && <Badge color="gray.8">{t("providers.off")}</Badge>}
              </Group>
            ),
          },
          { key: "issuer", label: t("providers.issuer"), wide: true, cell: (p) => p.issuer },
          { key: "domains", label: t("providers.domains"), wide: true, cell: (p) => (p.domains ?? []).join(", ") },
          {
            key: "actions",
            label: t("common.actions"),
            cell: (p) => (
              <Button size="compact-xs" variant="default" aria-label={t("providers.deleteNamed", { name: p.name })} onClick={() => setAsked(p)}>
                {t("webhook.delete")}
              </Button>
            ),
          },
        ]}
      />
      {asked && (
        <Ask
          opened
          danger
          title={t("providers.deleteTitle", { name: asked.name })}
          action={t("webhook.delete")}
          run={async () => {
            await client.DELETE("/v1/identity-providers/{id}", { params: { path: { id: asked.id } } });
            await refresh("/v1/identity-providers");
          }}
          close={() => setAsked(undefined)}
        >
          {t("providers.deleteHint")}
        </Ask>
      )}
    </>
  );
}

function Make() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [form, setForm] = useState<Form>(blank);
  const make = api.useMutation("post", "/v1/identity-providers", {
    onSuccess: async (made) => {
      await refresh("/v1/identity-providers");
      await navigate({ to: "/settings/identity-providers", search: { provider: String(made.id) } });
    },
  });
  return (
    <Part title={t("providers.new")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          make.mutate({ body: inputOf(form) });
        }}
      >
        <Stack maw="48rem">
          <ProviderFields form={form} set={(change) => setForm((old) => ({ ...old, ...change }))} error={make.error} isNew />
          <Failure error={make.error} fields={shown} />
          <Group>
            <Button type="submit" loading={make.isPending}>
              {t("providers.make")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  );
}

function Edited({ id }: { id: number }) {
  const { t } = useTranslation();
  const read = api.useQuery("get", "/v1/identity-providers/{id}", { params: { path: { id } } });
  if (read.error) return <Failure error={read.error} />;
  if (!read.data) return <Loader size="sm" aria-label={t("common.loading")} />;
  return <Edit key={id} provider={read.data} />;
}

function Edit({ provider }: { provider: Provider }) {
  const { t } = useTranslation();
  const [before, setBefore] = useState(() => formOf(provider));
  const [form, setForm] = useState<Form>(before);
  const change = changeOf(before, form);
  const save = api.useMutation("patch", "/v1/identity-providers/{id}", {
    onSuccess: async (kept) => {
      setBefore(formOf(kept));
      setForm(formOf(kept));
      notifications.show({ message: t("providers.saved", { name: kept.name }) });
      await refresh("/v1/identity-providers");
    },
  });
  const addresses = [
    ["providers.redirect", provider.redirect_url],
    ["providers.signIn", provider.sign_in_url],
  ] as const;
  return (
    <Part title={t("providers.edit", { name: provider.name })}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          save.mutate({ params: { path: { id: provider.id } }, body: change });
        }}
      >
        <Stack maw="48rem">
          {addresses.map(
            ([label, address]) =>
              address && (
                <Text key={label} size="sm" style={{ overflowWrap: "anywhere" }}>
                  {t(label)}: <Code>{address}</Code>
                </Text>
              ),
          )}
          <ProviderFields form={form} set={(part) => setForm((old) => ({ ...old, ...part }))} error={save.error} isNew={false} />
          <Failure error={save.error} fields={shown} />
          <Group>
            <Button type="submit" loading={save.isPending} disabled={Object.keys(change).length === 0}>
              {t("common.save")}
            </Button>
            <TextLink to="/settings/identity-providers" size="sm">
              {t("providers.new")}
            </TextLink>
          </Group>
        </Stack>
      </form>
    </Part>
  );
}
