import { Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";

import { actions, type Action, empty, type Form, inputOf, typed, type Whom } from "./bulkForm";
import { kinds, useListOptions } from "./memberLists";
import { ValueField } from "./ValueField";

interface Props {
  whom: Whom;
  started: (job: number) => void;
  close: () => void;
}

/** Asks what is to be done to many contacts, and says how many these are. */
export function Bulk({ whom, started, close }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const [form, setForm] = useState<Form>(empty);
  const set = (change: Partial<Form>) => setForm((old) => ({ ...old, ...change }));
  const lists = useListOptions();
  const properties = api.useQuery("get", "/v1/properties").data?.items ?? [];
  const property = properties.find(({ key }) => key === form.property);
  const input = inputOf(form, whom, properties);
  // Nothing is changed by looking.
  const preview = api.useQuery("post", "/v1/contacts/bulk", { body: { action: "add", ...input, dry_run: true } }, { enabled: input !== undefined, retry: false, staleTime: 0 });
  const matched = input && preview.data?.matched;
  const listed = form.action === "add" || form.action === "remove";
  return (
    <Ask
      opened
      danger={form.action === "delete" || form.action === "block"}
      title={t("bulk.title")}
      action={matched === undefined ? t("bulk.go") : t("bulk.goN", { count: matched, n: format.number(matched) })}
      typed={matched === undefined ? undefined : typed(matched)}
      disabled={matched === undefined || matched === 0}
      run={async () => {
        if (!input) return;
        const { data } = await client.POST("/v1/contacts/bulk", { body: input });
        if (data?.job) started(data.job.id);
      }}
      close={close}
    >
      <Stack gap="sm">
        <NativeSelect
          label={t("bulk.action")}
          value={form.action}
          onChange={(e) => set({ action: e.currentTarget.value as Action })}
          data={actions.map((value) => ({ value, label: t(`bulk.${value}`) }))}
        />
        {listed && (
          <NativeSelect
            label={t("bulk.list")}
            value={form.list}
            onChange={(e) => set({ list: e.currentTarget.value })}
            data={[
              { value: "", label: t("bulk.chooseList") },
              ...kinds.map((kind) => ({ group: t(`list.kinds.${kind}`), items: lists[kind] })).filter(({ items }) => items.length > 0),
            ]}
          />
        )}
        {form.action === "set" && (
          <Group align="flex-start" grow>
            <NativeSelect
              label={t("property.one")}
              value={form.property}
              onChange={(e) => set({ property: e.currentTarget.value, value: "" })}
              data={[{ value: "", label: t("bulk.chooseProperty") }, ...properties.map(({ key, label }) => ({ value: key, label: label || key }))]}
            />
            {property && <ValueField property={property} label={t("property.value")} value={form.value} onChange={(value) => set({ value })} />}
          </Group>
        )}
        <Text size="sm" c="dimmed">
          {t(`bulk.hints.${form.action}`)}
        </Text>
        <Failure error={preview.error} />
        {matched !== undefined && (
          <Text size="sm" role="status">
            {t("bulk.matched", { count: matched, n: format.number(matched) })}
          </Text>
        )}
      </Stack>
    </Ask>
  );
}
