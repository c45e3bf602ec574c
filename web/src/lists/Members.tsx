import { Button, Checkbox, Group, Select, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { type ListKind } from "@/contacts/memberLists";
import { changeMembers } from "@/contacts/Memberships";
import { nameOf } from "@/contacts/name";
import { useContactColumns } from "@/contacts/Selectable";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { pageSize } from "@/ui/long";
import { LongRows } from "@/ui/LongRows";
import { Part } from "@/ui/Part";
import { type Column } from "@/ui/Rows";

type Contact = Schema<"Contact">;

const typing = 300; // ms

interface Props {
  kind: ListKind;
  list: Schema<"List">;
}

/** Who is in a list, and the way in and out. */
export function Members({ kind, list }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const columns = useContactColumns();
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const change = async (contacts: number[], out: boolean) => {
    setBusy(true);
    setError(null);
    try {
      await changeMembers(kind, list.id, contacts, out);
      if (out) setChosen(new Set());
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const choose = (id: number, on: boolean) => setChosen(new Set(on ? [...chosen, id] : [...chosen].filter((other) => other !== id)));
  const choice: Column<Contact> = {
    key: "choose",
    label: t("bulk.choose"),
    width: "5.5rem",
    cell: (c) => <Checkbox size="xs" aria-label={t("bulk.chooseOne", { name: nameOf(c) })} checked={chosen.has(c.id)} onChange={(e) => choose(c.id, e.currentTarget.checked)} />,
  };
  return (
    <Part title={t("list.membersN", { count: list.members, n: format.number(list.members) })}>
      <Stack gap="sm">
        {edits && (
          <Group align="flex-end">
            <Add busy={busy} add={(id) => void change([id], false)} />
            <Button variant="default" disabled={chosen.size === 0} loading={busy} onClick={() => void change([...chosen], true)}>
              {t("list.takeOutN", { count: chosen.size, n: format.number(chosen.size) })}
            </Button>
          </Group>
        )}
        <Failure error={error} />
        <LongRows<Contact>
          key={`${kind} ${list.id}`}
          name={`members ${kind} ${list.id}`}
          label={t("list.members")}
          page={(cursor) =>
            api.queryOptions("get", `/v1/${kind}/{id}/members`, { params: { path: { id: list.id }, query: { limit: pageSize, ...(cursor ? { cursor } : {}) } } })
          }
          id={(c) => c.id}
          empty={<Text c="dimmed">{t("list.empty")}</Text>}
          columns={edits ? [choice, ...columns] : columns}
        />
      </Stack>
    </Part>
  );
}

/** Finds somebody and puts them in. */
function Add({ busy, add }: { busy: boolean; add: (id: number) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text, typing);
  const found = api.useQuery("get", "/v1/contacts", { params: { query: { q, limit: 20 } } }, { enabled: q.trim().length > 1 });
  return (
    <Select
      label={t("list.putSomebodyIn")}
      placeholder={t("contacts.search")}
      searchable
      disabled={busy}
      data={(found.data?.items ?? []).map((c) => ({ value: String(c.id), label: `${nameOf(c)} · ${Object.values(c.addresses).join(", ")}` }))}
      filter={({ options }) => options} // the server has searched
      searchValue={text}
      onSearchChange={setText}
      value={null}
      onChange={(value) => {
        if (value) add(Number(value));
        setText("");
      }}
      nothingFoundMessage={q.trim().length > 1 ? t("contacts.noneFound") : t("merge.type")}
    />
  );
}
