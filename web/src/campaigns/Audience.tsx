import { Alert, Group, MultiSelect, Radio, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";

import { type Chosen, type ListKind, lists } from "./form";
import { type SectionProps } from "./section";

/** All lists of the account that an audience may be made of. */
function useLists() {
  const { t } = useTranslation();
  const query = { params: { query: { limit: 500 } } };
  const found = {
    targeting: api.useQuery("get", "/v1/targeting", query).data?.items,
    categories: api.useQuery("get", "/v1/categories", query).data?.items,
    groups: api.useQuery("get", "/v1/groups", query).data?.items,
    labels: api.useQuery("get", "/v1/labels", query).data?.items,
    uploads: api.useQuery("get", "/v1/uploads", query).data?.items?.filter((u) => !u.dry_run),
  };
  const name = (item: { id: number; name?: string; filename?: string }) => item.name ?? item.filename ?? String(item.id);
  return lists.map((kind: ListKind) => ({
    group: t(`lists.${kind}`),
    items: (found[kind] ?? []).map((item) => ({ value: `${kind}:${item.id}`, label: name(item) })),
  }));
}

/** Whom it goes to. */
export function AudienceSection({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  const data = useLists().filter(({ items }) => items.length > 0);
  const hidden = Object.keys(form.audience).filter((key) => key !== "exclude");
  return (
    <Stack gap="sm">
      <Radio.Group
        label={t("audience.who")}
        value={form.all ? "all" : "lists"}
        onChange={(value) => set({ all: value === "all" })}
        error={problem?.at("audience")}
      >
        <Group mt={4}>
          <Radio value="all" label={t("audience.all")} />
          <Radio value="lists" label={t("audience.lists")} />
        </Group>
      </Radio.Group>
      {!form.all && (
        <MultiSelect
          label={t("audience.include")}
          description={t("audience.includeHint")}
          searchable
          clearable
          data={data}
          value={form.include}
          onChange={(value) => set({ include: value as Chosen[] })}
          nothingFoundMessage={t("audience.noLists")}
          clearButtonProps={{ "aria-label": t("common.clear") }}
        />
      )}
      <MultiSelect
        label={t("audience.exclude")}
        description={t("audience.excludeHint")}
        searchable
        clearable
        data={data}
        value={form.exclude}
        onChange={(value) => set({ exclude: value as Chosen[] })}
        nothingFoundMessage={t("audience.noLists")}
        clearButtonProps={{ "aria-label": t("common.clear") }}
      />
      {hidden.length > 0 && <Alert color="cyan">{t("audience.more", { what: hidden.join(", ") })}</Alert>}
    </Stack>
  );
}
