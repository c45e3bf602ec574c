import { Button, Group, Loader, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";
import { Part } from "@/ui/Part";

import { kindOf, kinds, type ListKind, useListOptions } from "./memberLists";

/** Puts a contact into a list, or takes it out. */
export async function changeMembers(kind: ListKind, list: number, contacts: number[], out: boolean): Promise<void> {
  const asked = { params: { path: { id: list } }, body: { contacts } };
  const paths = { groups: "/v1/groups/{id}/members", labels: "/v1/labels/{id}/members", categories: "/v1/categories/{id}/members" } as const;
  if (out) await client.POST(`${paths[kind]}/remove`, asked);
  else await client.POST(paths[kind], asked);
  await refresh("/v1/contacts", `/v1/${kind}`);
}

/** What a contact is in, and the way into more and out of it. */
export function Memberships({ contact }: { contact: Schema<"Contact"> }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const read = api.useQuery("get", "/v1/contacts/{id}/memberships", { params: { path: { id: contact.id } } });
  const lists = useListOptions();
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const items = read.data?.items ?? [];
  const inside = new Set(items.map(({ list_id }) => String(list_id)));
  const change = async (kind: ListKind, id: number, out: boolean) => {
    setBusy(true);
    setError(null);
    try {
      await changeMembers(kind, id, [contact.id], out);
      setChosen("");
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const others = kinds.map((kind) => ({
    group: t(`list.kinds.${kind}`),
    items: lists[kind].filter(({ value }) => !inside.has(value)).map(({ value, label }) => ({ value: `${kind}:${value}`, label })),
  }));
  return (
    <Part title={t("contacts.memberships")}>
      <Stack gap="xs">
        <Failure error={read.error ?? error} />
        {read.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
        {read.data && items.length === 0 && <Text c="dimmed">{t("contacts.noMemberships")}</Text>}
        {items.map(({ list_id, kind, name }) => {
          const of = kindOf[kind];
          return (
            <Group key={list_id} justify="space-between" wrap="nowrap">
              <Text size="sm">
                {of ? (
                  <TextLink to="/lists/$kind/$id" params={{ kind: of, id: String(list_id) }}>
                    {name}
                  </TextLink>
                ) : (
                  <TextLink to="/uploads/$id" params={{ id: String(list_id) }}>
                    {name}
                  </TextLink>
                )}{" "}
                · {of ? t(`list.kind.${of}`) : t("uploads.one")}
              </Text>
              {edits && of && (
                <Button size="compact-xs" variant="default" disabled={busy} aria-label={t("list.takeOutOf", { name })} onClick={() => void change(of, list_id, true)}>
                  {t("list.takeOut")}
                </Button>
              )}
            </Group>
          );
        })}
        {edits && others.some(({ items }) => items.length > 0) && (
          <Group align="flex-end">
            <NativeSelect
              label={t("contacts.putInto")}
              value={chosen}
              onChange={(e) => setChosen(e.currentTarget.value)}
              data={[{ value: "", label: t("bulk.chooseList") }, ...others.filter(({ items }) => items.length > 0)]}
            />
            <Button
              variant="default"
              disabled={chosen === ""}
              loading={busy}
              onClick={() => {
                const [kind, id] = chosen.split(":");
                void change(kind as ListKind, Number(id), false);
              }}
            >
              {t("list.putIn")}
            </Button>
          </Group>
        )}
      </Stack>
    </Part>
  );
}
