import { Group, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { ButtonLink, TextLink } from "@/ui/links";
import { Page } from "@/ui/Page";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { nameOf } from "./name";

const typing = 300; // ms after the last letter until it is searched for

/** Everybody whom the account knows, found by name, address or id. */
export default function Contacts() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/contacts" });
  const navigate = useNavigate({ from: "/contacts" });
  const edits = useMay("editor");
  const find = useDebouncedCallback((q: string) => void navigate({ search: q ? { q } : {}, replace: true }), typing);
  const list = api.useInfiniteQuery("get", "/v1/contacts", { params: { query: { limit: 100, ...(search.q ? { q: search.q } : {}) } } }, pages);
  const upload = edits && <ButtonLink to="/contacts/import">{t("contacts.import")}</ButtonLink>;
  return (
    <Page title={t("contacts.title")} actions={upload}>
      <Stack>
        <Group>
          <TextInput
            aria-label={t("contacts.search")}
            placeholder={t("contacts.search")}
            type="search"
            miw="18rem"
            defaultValue={search.q ?? ""}
            onChange={(e) => find(e.currentTarget.value)}
          />
        </Group>
        <Rows<Schema<"Contact">>
          label={t("contacts.title")}
          rows={list.data?.pages.flatMap((page) => page.items ?? [])}
          id={(c) => c.id}
          error={list.error}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          empty={
            search.q ? (
              <Empty title={t("contacts.noneFound")}>{t("contacts.noneFoundHint")}</Empty>
            ) : (
              <Empty title={t("contacts.none")} action={upload}>
                {t("contacts.noneHint")}
              </Empty>
            )
          }
          columns={[
            {
              key: "name",
              label: t("contacts.name"),
              cell: (c) => (
                <TextLink to="/contacts/$id" params={{ id: String(c.id) }}>
                  {nameOf(c)}
                </TextLink>
              ),
            },
            { key: "addresses", label: t("contacts.addresses"), cell: (c) => <Text size="sm">{Object.values(c.addresses).join(", ")}</Text> },
            { key: "status", label: t("contacts.status"), wide: true, cell: (c) => t(`contacts.statuses.${c.status}`) },
            { key: "active", label: t("contacts.active"), wide: true, cell: (c) => <When at={c.last_activity_at} /> },
          ]}
        />
      </Stack>
    </Page>
  );
}
