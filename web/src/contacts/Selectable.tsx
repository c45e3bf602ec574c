import { Button, Checkbox, Group, Paper, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Asks, Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { useFormat } from "@/ui/format";
import { TextLink } from "@/ui/links";
import { type Paged } from "@/ui/long";
import { LongRows } from "@/ui/LongRows";
import { type Column } from "@/ui/Rows";
import { When } from "@/ui/When";

import { Bulk } from "./Bulk";
import { type Whom, mostChosen } from "./bulkForm";
import { nameOf } from "./name";

type Contact = Schema<"Contact">;

/** The columns of contacts in lists. */
export function useContactColumns(): Column<Contact>[] {
  const { t } = useTranslation();
  return [
    {
      key: "name",
      label: t("contacts.name"),
      cell: (c) => (
        <TextLink to="/contacts/$id" params={{ id: String(c.id) }}>
          {nameOf(c)}
        </TextLink>
      ),
    },
    { key: "addresses", label: t("contacts.addresses"), cell: (c) => Object.values(c.addresses).join(", ") },
    { key: "status", label: t("contacts.status"), wide: true, width: "8rem", cell: (c) => t(`contacts.statuses.${c.status}`) },
    { key: "active", label: t("contacts.active"), wide: true, width: "10rem", cell: (c) => <When at={c.last_activity_at} /> },
  ];
}

interface Props {
  name: string;
  page: (cursor: string) => Asks<Paged<Contact>>;
  total?: number | undefined;
  /** Everybody whom the list shows, as bulk operations say it. */
  found: Whom;
  /** Told once something is done to many. */
  started: (job: number) => void;
  empty: ReactNode;
}

/** A list of contacts of which some can be chosen, or all, for something that is done to each. */
export function Selectable({ name, page, total, found, started, empty }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [all, setAll] = useState(false);
  const [asked, setAsked] = useState(false);
  const columns = useContactColumns();
  const choose = (id: number, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  const none = () => {
    setChosen(new Set());
    setAll(false);
  };
  const some = all || chosen.size > 0;
  const choice: Column<Contact> = {
    key: "choose",
    label: t("bulk.choose"),
    width: "5.5rem",
    cell: (c) => (
      <Checkbox
        size="xs"
        aria-label={t("bulk.chooseOne", { name: nameOf(c) })}
        checked={all || chosen.has(c.id)}
        disabled={all || (!chosen.has(c.id) && chosen.size >= mostChosen)}
        onChange={(e) => choose(c.id, e.currentTarget.checked)}
      />
    ),
  };
  return (
    <>
      {edits && (total ?? 0) > 0 && (
        <Paper withBorder p="xs">
          <Group gap="sm">
            <Text size="sm" role="status">
              {all ? t("bulk.allChosen") : t("bulk.chosen", { count: chosen.size, n: format.number(chosen.size) })}
            </Text>
            <Button size="compact-sm" disabled={!some} onClick={() => setAsked(true)}>
              {t("bulk.change")}
            </Button>
            {!all && (
              <Button size="compact-sm" variant="default" onClick={() => setAll(true)}>
                {found.all ? t("bulk.everybody") : t("bulk.allFound")}
              </Button>
            )}
            {some && (
              <Button size="compact-sm" variant="default" onClick={none}>
                {t("bulk.none")}
              </Button>
            )}
          </Group>
        </Paper>
      )}
      <LongRows<Contact> label={t("contacts.title")} name={name} page={page} id={(c) => c.id} total={total} empty={empty} columns={edits ? [choice, ...columns] : columns} />
      {asked && (
        <Bulk
          whom={all ? found : { contacts: [...chosen] }}
          close={() => setAsked(false)}
          started={(job) => {
            none();
            started(job);
          }}
        />
      )}
    </>
  );
}
