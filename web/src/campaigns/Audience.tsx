import { Alert, Button, Fieldset, Group, Loader, Modal, MultiSelect, Radio, Stack } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { LazyRule } from "@/targeting/LazyRule";

import { type Chosen, type ListKind, lists } from "./form";
import { type SectionProps } from "./section";

const Intake = lazy(() => import("@/contacts/Import").then(({ Intake }) => ({ default: Intake })));

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

/** Campaigns that have gone out, or may have: whoever got one may be left out. */
function useSent(beside: number[]) {
  const list = api.useQuery("get", "/v1/campaigns", { params: { query: { limit: 500, archived: "all" } } }).data?.items ?? [];
  const items = list.filter((c) => c.status !== "draft" || beside.includes(c.id)).map((c) => ({ value: String(c.id), label: c.name }));
  const others = beside.filter((id) => !list.some((c) => c.id === id)).map((id) => ({ value: String(id), label: `#${id}` }));
  return [...items, ...others];
}

/** What is wrong with the first of some fields that something is wrong with. */
const wrongWith = (problem: SectionProps["problem"], ...fields: string[]) => fields.map((field) => problem?.at(field)).find(Boolean);

/** Whom it goes to. */
export function AudienceSection({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  const [ruled, setRuled] = useState(form.rule !== undefined);
  const [uploading, setUploading] = useState(false);
  const data = useLists().filter(({ items }) => items.length > 0);
  const campaigns = useSent(form.sent);
  const { exclude, ...rest } = form.audience;
  const hidden = [...Object.keys(rest), ...Object.keys(exclude ?? {}).map((key) => `exclude.${key}`)];
  const whole = problem?.errors.find(({ location }) => location === "body.audience" || location === "body.audience.all")?.message;
  return (
    <Stack gap="sm">
      <Radio.Group label={t("audience.who")} value={form.all ? "all" : "lists"} onChange={(value) => set({ all: value === "all" })} error={whole}>
        <Group mt={4}>
          <Radio value="all" label={t("audience.all")} />
          <Radio value="lists" label={t("audience.lists")} />
        </Group>
      </Radio.Group>
      {!form.all && (
        <>
          <MultiSelect
            label={t("audience.include")}
            description={t("audience.includeHint")}
            searchable
            clearable
            data={data}
            value={form.include}
            onChange={(value) => set({ include: value as Chosen[] })}
            error={wrongWith(problem, ...lists.map((kind) => `audience.${kind}`))}
            nothingFoundMessage={t("audience.noLists")}
            clearButtonProps={{ "aria-label": t("common.clear") }}
          />
          <Group gap="xs">
            <Button size="xs" variant="default" onClick={() => setUploading(true)}>
              {t("audience.upload")}
            </Button>
            {!ruled && (
              <Button size="xs" variant="default" onClick={() => setRuled(true)}>
                {t("audience.ruleAdd")}
              </Button>
            )}
          </Group>
          {ruled && (
            <Fieldset legend={t("audience.rule")}>
              <LazyRule initial={form.rule} change={(rule) => set({ rule })} error={problem} at="audience.rule" />
              <Button
                mt="xs"
                size="xs"
                variant="default"
                onClick={() => {
                  set({ rule: undefined });
                  setRuled(false);
                }}
              >
                {t("audience.ruleRemove")}
              </Button>
            </Fieldset>
          )}
        </>
      )}
      <MultiSelect
        label={t("audience.exclude")}
        description={t("audience.excludeHint")}
        searchable
        clearable
        data={data}
        value={form.exclude}
        onChange={(value) => set({ exclude: value as Chosen[] })}
        error={wrongWith(problem, ...lists.map((kind) => `audience.exclude.${kind}`))}
        nothingFoundMessage={t("audience.noLists")}
        clearButtonProps={{ "aria-label": t("common.clear") }}
      />
      <MultiSelect
        label={t("audience.sent")}
        description={t("audience.sentHint")}
        searchable
        clearable
        data={campaigns}
        value={form.sent.map(String)}
        onChange={(value) => set({ sent: value.map(Number) })}
        error={problem?.at("audience.exclude.campaigns")}
        nothingFoundMessage={t("audience.noSent")}
        clearButtonProps={{ "aria-label": t("common.clear") }}
      />
      {hidden.length > 0 && <Alert color="cyan">{t("audience.more", { what: hidden.join(", ") })}</Alert>}
      <Modal
        opened={uploading}
        onClose={() => setUploading(false)}
        title={t("audience.upload")}
        size="xl"
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        <Suspense fallback={<Loader size="sm" aria-label={t("common.loading")} />}>
          <Intake
            choose={(upload) => {
              set({ include: [...form.include, `uploads:${upload.id}`] });
              setUploading(false);
            }}
          />
        </Suspense>
      </Modal>
    </Stack>
  );
}
