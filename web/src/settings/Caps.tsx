import { Button, Group, NativeSelect, NumberInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";

import { SettingsPage } from "./SettingsPage";
import { lengthOf, secondsOf, type Unit, units } from "./window";

type Cap = Schema<"FrequencyCap">;

interface Form {
  most: number;
  n: number;
  unit: Unit;
  /** A category's id; empty for every campaign. */
  category: string;
  /** Campaigns alone, and no messages of programs. */
  bulk: boolean;
  skip: boolean;
}

const blank: Form = { most: 3, n: 1, unit: "week", category: "", bulk: false, skip: false };

/** How many messages somebody gets at most. */
export default function Caps() {
  const { t } = useTranslation();
  const [form, setForm] = useState<Form>(blank);
  const categories = api.useQuery("get", "/v1/categories", { params: { query: { limit: 500 } } });
  const named = categories.data?.items ?? [];
  const name = (id: number | undefined) => (id === undefined ? t("caps.all") : (named.find((c) => c.id === id)?.name ?? String(id)));
  return (
    <SettingsPage title={t("caps.title")}>
      <Stack>
        <Part title={t("caps.title")}>
          <List name={name} change={setForm} />
        </Part>
        <Part title={t("caps.new")}>
          <Make form={form} set={(change) => setForm((old) => ({ ...old, ...change }))} categories={named} />
        </Part>
      </Stack>
    </SettingsPage>
  );
}

function List({ name, change }: { name: (id: number | undefined) => string; change: (form: Form) => void }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/frequency-caps", { params: { query: {} } }, pages);
  const [asked, setAsked] = useState<Cap>();
  const words = (c: Cap) => {
    const { n, unit } = lengthOf(c.window_seconds);
    return t("caps.most", { count: c.max_messages, n: c.max_messages, window: t(`caps.window.${unit}`, { count: n }) });
  };
  return (
    <>
      <Rows<Cap>
        label={t("caps.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(c) => c.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Empty title={t("caps.none")}>{t("caps.noneHint")}</Empty>}
        columns={[
          { key: "most", label: t("caps.mostLabel"), cell: words },
          { key: "category", label: t("caps.category"), cell: (c) => name(c.category_id) },
          { key: "priority", label: t("caps.counts"), wide: true, cell: (c) => (c.priority === "bulk" ? t("caps.bulk") : t("caps.everything")) },
          { key: "action", label: t("caps.then"), wide: true, cell: (c) => t(`caps.action.${c.action}`) },
          {
            key: "actions",
            label: t("common.actions"),
            cell: (c) => (
              <Group gap={4}>
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={t("caps.changeNamed", { name: words(c) })}
                  onClick={() =>
                    change({ most: c.max_messages, ...lengthOf(c.window_seconds), category: String(c.category_id ?? ""), bulk: c.priority === "bulk", skip: c.action === "skip" })
                  }
                >
                  {t("caps.change")}
                </Button>
                <Button size="compact-xs" variant="default" aria-label={t("caps.dropNamed", { name: words(c) })} onClick={() => setAsked(c)}>
                  {t("caps.drop")}
                </Button>
              </Group>
            ),
          },
        ]}
      />
      {asked && (
        <Ask
          opened
          title={t("caps.dropTitle")}
          action={t("caps.drop")}
          run={async () => {
            await client.DELETE("/v1/frequency-caps/{id}", { params: { path: { id: asked.id } } });
            await refresh("/v1/frequency-caps");
          }}
          close={() => setAsked(undefined)}
        >
          {words(asked)} {t("caps.dropHint")}
        </Ask>
      )}
    </>
  );
}

function Make({ form, set, categories }: { form: Form; set: (change: Partial<Form>) => void; categories: readonly { id: number; name: string }[] }) {
  const { t } = useTranslation();
  const make = api.useMutation("post", "/v1/frequency-caps", {
    onSuccess: () => {
      set(blank);
      return refresh("/v1/frequency-caps");
    },
  });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        make.mutate({
          body: {
            max_messages: form.most,
            window_seconds: secondsOf(form.n, form.unit),
            action: form.skip ? "skip" : "defer",
            ...(form.category ? { category_id: Number(form.category) } : {}),
            ...(form.bulk ? { priority: "bulk" as const } : {}),
          },
        });
      }}
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t("caps.hint")}
        </Text>
        <Group align="flex-end">
          <NumberInput label={t("caps.mostLabel")} min={1} max={1000} allowDecimal={false} value={form.most} error={wrong(make.error, "max_messages")} onChange={(n) => set({ most: Number(n) || 1 })} />
          <NumberInput label={t("caps.within")} min={1} value={form.n} error={wrong(make.error, "window_seconds")} onChange={(n) => set({ n: Number(n) || 1 })} />
          <NativeSelect
            label={t("caps.unit")}
            value={form.unit}
            onChange={(e) => set({ unit: e.currentTarget.value as Unit })}
            data={(Object.keys(units) as Unit[]).map((value) => ({ value, label: t(`caps.units.${value}`) }))}
          />
        </Group>
        <Group align="flex-end">
          <NativeSelect
            label={t("caps.category")}
            value={form.category}
            error={wrong(make.error, "category_id")}
            onChange={(e) => set({ category: e.currentTarget.value })}
            data={[{ value: "", label: t("caps.all") }, ...categories.map((c) => ({ value: String(c.id), label: c.name }))]}
          />
          <NativeSelect
            label={t("caps.counts")}
            value={form.bulk ? "bulk" : ""}
            error={wrong(make.error, "priority")}
            onChange={(e) => set({ bulk: e.currentTarget.value === "bulk" })}
            data={[
              { value: "", label: t("caps.everything") },
              { value: "bulk", label: t("caps.bulk") },
            ]}
          />
          <NativeSelect
            label={t("caps.then")}
            value={form.skip ? "skip" : "defer"}
            error={wrong(make.error, "action")}
            onChange={(e) => set({ skip: e.currentTarget.value === "skip" })}
            data={(["defer", "skip"] as const).map((value) => ({ value, label: t(`caps.action.${value}`) }))}
          />
        </Group>
        <Failure error={make.error} fields={["max_messages", "window_seconds", "category_id", "priority", "action"]} />
        <Group>
          <Button type="submit" loading={make.isPending}>
            {t("caps.make")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
