import { Group, NativeSelect, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { useFind } from "@/app/find";
import { useMay } from "@/app/session";
import { without } from "@/campaigns/form";
import { Files } from "@/media/Files";
import { Empty } from "@/ui/Empty";
import { Filter } from "@/ui/Filter";
import { ButtonLink, TextLink } from "@/ui/links";
import { offersOf } from "@/ui/offers";
import { Page } from "@/ui/Page";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { kinds, languageName } from "./definition";
import { Snippets } from "./Snippets";
import { Status } from "./Status";
import { Variables } from "./Variables";

export const states = ["draft", "pending", "approved", "rejected", "paused", "disabled"] as const;

/** What messages are made of: templates, and the snippets, files and values that they share. */
export default function Templates() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/templates" });
  const navigate = useNavigate({ from: "/templates" });
  const edits = useMay("editor");
  const tab = search.tab ?? "templates";
  const make = edits && <ButtonLink to="/templates/new">{t("templates.new")}</ButtonLink>;
  return (
    <Page title={t("templates.title")} actions={tab === "templates" && make}>
      <Tabs value={tab} onChange={(to) => void navigate({ search: to && to !== "templates" ? { tab: to } : {} })} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="templates">{t("templates.title")}</Tabs.Tab>
          <Tabs.Tab value="snippets">{t("snippets.title")}</Tabs.Tab>
          <Tabs.Tab value="files">{t("files.title")}</Tabs.Tab>
          <Tabs.Tab value="variables">{t("variables.title")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="templates">
          <Gallery make={make} />
        </Tabs.Panel>
        <Tabs.Panel value="snippets">
          <Snippets />
        </Tabs.Panel>
        <Tabs.Panel value="files">
          <Files unused={search.unused === "yes"} show={(unused) => void navigate({ search: { tab, ...(unused ? { unused: "yes" } : {}) }, replace: true })} />
        </Tabs.Panel>
        <Tabs.Panel value="variables">
          <Variables />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Gallery({ make }: { make: React.ReactNode }) {
  const { t, i18n } = useTranslation();
  const search = without(useSearch({ from: "/inside/templates" }), "tab", "unused");
  const navigate = useNavigate({ from: "/templates" });
  const put = (change: Partial<typeof search>) =>
    void navigate({ search: Object.fromEntries(Object.entries({ ...search, ...change }).filter(([, value]) => value)), replace: true });
  const find = useFind((change: Partial<typeof search>) => put(change));
  const given = Object.fromEntries(Object.entries(search).filter(([, value]) => value));
  const list = api.useInfiniteQuery("get", "/v1/templates", { params: { query: { limit: 100, ...given } } }, pages);
  const filtered = Object.keys(given).length > 0;
  return (
    <Stack>
      <Group align="flex-end">
        <TextInput label={t("templates.search")} type="search" defaultValue={search.q ?? ""} onChange={(e) => find({ q: e.currentTarget.value })} />
        <NativeSelect
          label={t("templates.kind")}
          value={search.kind ?? ""}
          onChange={(e) => put({ kind: e.currentTarget.value })}
          data={[{ value: "", label: t("templates.any") }, ...kinds.map((value) => ({ value, label: t(`templates.kinds.${value}`) }))]}
        />
        <Filter
          label={t("templates.language")}
          value={search.language}
          name={search.language && languageName(search.language, i18n.language)}
          change={(language) => put({ language })}
          asks={() => api.queryOptions("get", "/v1/templates", { params: { query: { limit: 500 } } })}
          offers={(all) =>
            offersOf((all.items ?? []).flatMap((item) => item.languages ?? [])).map(({ value }) => ({ value, name: languageName(value, i18n.language), hint: value }))
          }
        />
        <NativeSelect
          label={t("templates.status")}
          value={search.state ?? ""}
          onChange={(e) => put({ state: e.currentTarget.value })}
          data={[{ value: "", label: t("templates.any") }, ...states.map((value) => ({ value, label: t(`templates.states.${value}`) }))]}
        />
      </Group>
      <Rows<Schema<"TemplateInfo">>
        label={t("templates.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(item) => item.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={
          filtered ? (
            <Empty title={t("templates.noneFound")}>{t("templates.noneFoundHint")}</Empty>
          ) : (
            <Empty title={t("templates.none")} action={make}>
              {t("templates.noneHint")}
            </Empty>
          )
        }
        columns={[
          {
            key: "name",
            label: t("templates.name"),
            cell: (item) => (
              <TextLink to="/templates/$id" params={{ id: String(item.id) }}>
                {item.name}
              </TextLink>
            ),
          },
          {
            key: "kinds",
            label: t("templates.kind"),
            cell: (item) => <Text size="sm">{(item.kinds ?? []).join(", ")}</Text>,
          },
          {
            key: "languages",
            label: t("templates.languages"),
            wide: true,
            cell: (item) => <Text size="sm">{(item.languages ?? []).map((tag) => languageName(tag, i18n.language)).join(", ") || t("templates.noLanguage")}</Text>,
          },
          {
            key: "status",
            label: t("templates.status"),
            wide: true,
            cell: (item) => (
              <Group gap={4}>
                {(item.states ?? []).map((state) => (
                  <Status key={state} state={state} />
                ))}
              </Group>
            ),
          },
          { key: "changed", label: t("campaigns.changed"), wide: true, cell: (item) => <When at={item.changed_at} /> },
        ]}
      />
    </Stack>
  );
}
