import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { nameOf } from "@/contacts/name";
import { Empty } from "@/ui/Empty";
import { TextLink } from "@/ui/links";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { useSettled } from "./count";
import { type Json, unfilled } from "./rule";

interface Props {
  label: string;
  rule: Json | undefined;
  /** How many at a time. */
  limit: number;
}

/** Whom a rule holds for. Nothing as long as it says nothing, or lacks a value. */
export function People({ label, rule, limit }: Props) {
  const { t } = useTranslation();
  const settled = useSettled(unfilled(rule) > 0 ? undefined : rule);
  const list = api.useInfiniteQuery(
    "post",
    "/v1/contacts/search",
    { params: { query: { limit } }, body: { rule: settled } },
    { ...pages, enabled: settled !== undefined, staleTime: 0 },
  );
  // What is wrong with the rule stands at the rule.
  if (rule === undefined || unfilled(rule) > 0 || list.error) return null;
  return (
    <Rows<Schema<"Contact">>
      label={label}
      rows={settled && list.data?.pages.flatMap((page) => page.items ?? [])}
      id={(c) => c.id}
      more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
      empty={<Empty title={t("targeting.nobody")}>{t("targeting.nobodyHint")}</Empty>}
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
  );
}
