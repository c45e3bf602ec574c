import { List, Select, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";

import { nameOf } from "./name";

const typing = 300; // ms

/** Merges another contact into this one, after it was shown what that does. */
export function Merge({ contact, close }: { contact: Schema<"Contact">; close: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text, typing);
  const [from, setFrom] = useState<{ id: number; label: string }>();
  const found = api.useQuery("get", "/v1/contacts", { params: { query: { q, limit: 20 } } }, { enabled: q.trim().length > 1 });
  const options = (found.data?.items ?? [])
    .filter(({ id }) => id !== contact.id)
    .map((c) => ({ value: String(c.id), label: `${nameOf(c)} · ${Object.values(c.addresses).join(", ")} · #${c.id}` }));
  const params = { path: { id: contact.id } };
  const preview = api.useQuery(
    "post",
    "/v1/contacts/{id}/merge",
    { params, body: { from: from?.id ?? 0, dry_run: true } },
    { enabled: from !== undefined, retry: false, staleTime: 0 },
  );
  const would = from && preview.data;
  const pairs = (addresses: Record<string, string>) => Object.entries(addresses).map(([kind, address]) => `${kind}: ${address}`);
  return (
    <Ask
      opened
      danger
      title={t("merge.title", { name: nameOf(contact) })}
      action={t("merge.action")}
      disabled={!would}
      run={async () => {
        if (!from) return;
        await client.POST("/v1/contacts/{id}/merge", { params, body: { from: from.id } });
        await refresh("/v1/contacts", "/v1/groups", "/v1/labels", "/v1/categories");
      }}
      close={close}
    >
      <Stack gap="sm">
        <Text size="sm">{t("merge.hint")}</Text>
        <Select
          label={t("merge.other")}
          placeholder={t("contacts.search")}
          searchable
          clearable
          clearButtonProps={{ "aria-label": t("common.clear") }}
          data={from && !options.some(({ value }) => value === String(from.id)) ? [{ value: String(from.id), label: from.label }, ...options] : options}
          filter={({ options }) => options} // the server has searched
          onSearchChange={setText}
          value={from ? String(from.id) : null}
          onChange={(value) => setFrom(options.map(({ value, label }) => ({ id: Number(value), label })).find(({ id }) => String(id) === value))}
          nothingFoundMessage={q.trim().length > 1 ? t("contacts.noneFound") : t("merge.type")}
        />
        <Failure error={preview.error} />
        {would && (
          <div role="status">
            <Text size="sm" fw={600}>
              {t("merge.would")}
            </Text>
            <List size="sm">
              {pairs(would.addresses_moved).length > 0 && <List.Item>{t("merge.moved", { what: pairs(would.addresses_moved).join(", ") })}</List.Item>}
              {pairs(would.addresses_left).length > 0 && <List.Item>{t("merge.left", { what: pairs(would.addresses_left).join(", ") })}</List.Item>}
              {(would.attributes_moved ?? []).length > 0 && <List.Item>{t("merge.values", { what: (would.attributes_moved ?? []).join(", ") })}</List.Item>}
              <List.Item>
                {t("merge.counts", {
                  lists: format.number(would.lists_joined),
                  messages: format.number(would.messages_moved),
                  consents: format.number(would.consents_moved),
                })}
              </List.Item>
              {would.opted_out && <List.Item>{t("merge.optedOut")}</List.Item>}
            </List>
          </div>
        )}
      </Stack>
    </Ask>
  );
}
