import { Alert, Button, Group, Select, Stack } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { nameOf } from "@/contacts/name";

import { Message } from "./Message";

const typing = 300; // ms

/** Chooses for whom it is shown: a contact that is searched for, or any. */
export function Reader({ value, choose }: { value: number; choose: (id: number) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text, typing);
  const found = api.useQuery("get", "/v1/contacts", { params: { query: { limit: 100, ...(q ? { q } : {}) } } });
  const one = api.useQuery("get", "/v1/contacts/{id}", { params: { path: { id: value } } }, { enabled: value > 0 });
  const people = found.data?.items ?? [];
  const all = one.data && !people.some((p) => p.id === value) ? [one.data, ...people] : people;
  const random = () => {
    const other = people[Math.floor(Math.random() * people.length)];
    if (other) choose(other.id);
  };
  return (
    <Group gap="xs" align="flex-end" wrap="nowrap">
      <Select
        flex={1}
        size="xs"
        label={t("templates.reader")}
        searchable
        clearable
        clearButtonProps={{ "aria-label": t("common.clear") }}
        placeholder={t("templates.nobody")}
        nothingFoundMessage={t("contacts.noneFound")}
        filter={({ options }) => options}
        data={all.map((p) => ({ value: String(p.id), label: nameOf(p) }))}
        value={value ? String(value) : null}
        onChange={(id) => choose(Number(id ?? 0))}
        onSearchChange={setText}
      />
      <Button size="xs" variant="default" disabled={people.length === 0} onClick={random}>
        {t("templates.random")}
      </Button>
    </Group>
  );
}

/** What somebody gets, as the server renders it, and what it lacks of them. */
export function Rendered({ rendering }: { rendering: Schema<"Rendering"> }) {
  const { t } = useTranslation();
  const { content, lacks, sms } = rendering;
  return (
    <Stack gap="xs">
      {lacks && lacks.length > 0 && <Alert color="orange">{t("templates.lacks", { names: lacks.join(", ") })}</Alert>}
      <Message content={content} sms={sms} />
    </Stack>
  );
}
