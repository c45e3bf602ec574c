import { Button, Code, Group, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { useFind } from "@/app/find";
import { Empty } from "@/ui/Empty";
import { Filter } from "@/ui/Filter";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { SettingsPage } from "./SettingsPage";
import { exportOf, offersIn, queryOf } from "./trail";

const texts = ["actor", "action", "target"] as const;
const times = ["from", "to"] as const;

/** Who did what. */
export default function Audit() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/settings/audit" });
  const navigate = useNavigate({ from: "/settings/audit" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const find = useFind(set);
  const list = api.useInfiniteQuery("get", "/v1/audit", { params: { query: queryOf(search) } }, pages);
  return (
    <SettingsPage
      title={t("settings.audit")}
      actions={
        <Button component="a" variant="default" href={exportOf(search)} download="audit.jsonl">
          {t("audit.export")}
        </Button>
      }
    >
      <Stack>
        <Group align="flex-end" role="search" aria-label={t("audit.filters")}>
          {texts.map((key) => (
            <Filter
              key={key}
              label={t(`audit.${key}`)}
              placeholder={t(`audit.example.${key}`)}
              value={search[key]}
              change={(value) => set({ [key]: value })}
              asks={(typed) => api.queryOptions("get", "/v1/audit", { params: { query: { limit: 500, ...(key === "action" && typed ? { action: `${typed}*` } : {}) } } })}
              offers={(trail) => offersIn(trail.items ?? [], key)}
            />
          ))}
          {times.map((key) => (
            <TextInput
              key={key}
              type="datetime-local"
              label={t(`audit.${key}`)}
              defaultValue={search[key] ?? ""}
              onChange={(e) => find({ [key]: e.currentTarget.value || undefined })}
            />
          ))}
        </Group>
        <Rows<Schema<"AuditEntry">>
          label={t("settings.audit")}
          rows={list.data?.pages.flatMap((page) => page.items ?? [])}
          id={(e) => e.id}
          error={list.error}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          empty={<Empty title={t("audit.none")}>{t("campaigns.noneFoundHint")}</Empty>}
          columns={[
            { key: "at", label: t("audit.at"), cell: (e) => <When at={e.at} exact /> },
            { key: "actor", label: t("audit.actor"), cell: (e) => e.actor },
            { key: "action", label: t("audit.action"), cell: (e) => e.action },
            {
              key: "target",
              label: t("audit.target"),
              wide: true,
              cell: (e) => (
                <>
                  {e.target}
                  {e.target_name && (
                    <Text size="xs" c="dimmed">
                      {e.target_name}
                    </Text>
                  )}
                </>
              ),
            },
            { key: "source", label: t("audit.source"), wide: true, cell: (e) => e.source },
            { key: "detail", label: t("audit.detail"), wide: true, cell: (e) => <Detail entry={e} /> },
          ]}
        />
      </Stack>
    </SettingsPage>
  );
}

/** What was changed, folded until it is asked for. */
function Detail({ entry }: { entry: Schema<"AuditEntry"> }) {
  const { t } = useTranslation();
  if (entry.erased) return t("audit.erased");
  if (!entry.detail) return null;
  return (
    <details>
      <summary>{Object.keys(entry.detail).join(", ")}</summary>
      <Code block maw="32rem" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {JSON.stringify(entry.detail, null, 1)}
      </Code>
    </details>
  );
}
