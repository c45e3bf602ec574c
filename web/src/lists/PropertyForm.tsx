import { Alert, Button, Checkbox, Group, List, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { type PropertyType, types } from "@/contacts/values";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";

import { changeOf, type Form, formOf, inputOf } from "./property";

type Property = Schema<"Property">;
type Effect = Schema<"PropertyEffect">;

const fields = ["key", "label", "type", "rule", "default", "expires_seconds"];

/** Makes a property, or changes one; what that does to the values that there are is shown first. */
export function PropertyForm({ property, close }: { property: Property | undefined; close: () => void }) {
  const { t } = useTranslation();
  const [before] = useState(() => formOf(property));
  const [form, setForm] = useState<Form>(before);
  const [effect, setEffect] = useState<Effect>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const set = (change: Partial<Form>) => {
    setForm((old) => ({ ...old, ...change }));
    setEffect(undefined);
  };
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      if (property) {
        const asked = { params: { path: { key: property.key } }, body: changeOf(before, form) };
        if (!effect) {
          const { data } = await client.PATCH("/v1/properties/{key}", { ...asked, params: { ...asked.params, query: { dry_run: true } } });
          if (data && data.effect.converted + data.effect.refused > 0) {
            setEffect(data.effect);
            return;
          }
        }
        await client.PATCH("/v1/properties/{key}", asked);
      } else await client.POST("/v1/properties", { body: inputOf(form) });
      await refresh("/v1/properties", "/v1/contacts");
      close();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Part title={property ? t("property.editNamed", { key: property.key }) : t("property.create")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void save();
        }}
      >
        <Stack gap="sm">
          <Group align="flex-start" grow>
            {!property && (
              <TextInput
                label={t("property.key")}
                description={t("property.keyHint")}
                required
                value={form.key}
                error={wrong(error, "key")}
                onChange={(e) => set({ key: e.currentTarget.value })}
              />
            )}
            <TextInput
              label={t("property.label")}
              description={t("property.labelHint")}
              value={form.label}
              error={wrong(error, "label")}
              onChange={(e) => set({ label: e.currentTarget.value })}
            />
            <NativeSelect
              label={t("property.type")}
              description={t("property.typeHint")}
              value={form.type}
              error={wrong(error, "type")}
              onChange={(e) => set({ type: e.currentTarget.value as PropertyType })}
              data={types.map((value) => ({ value, label: t(`property.types.${value}`) }))}
            />
          </Group>
          <Group align="flex-start" grow>
            <TextInput
              label={t("property.rule")}
              description={t("property.ruleHint")}
              value={form.rule}
              error={wrong(error, "rule")}
              onChange={(e) => set({ rule: e.currentTarget.value })}
            />
            <TextInput
              label={t("property.default")}
              description={t("property.defaultHint")}
              value={form.default}
              error={wrong(error, "default")}
              onChange={(e) => set({ default: e.currentTarget.value })}
            />
            <TextInput
              label={t("property.days")}
              description={t("property.daysHint")}
              inputMode="decimal"
              value={form.days}
              error={wrong(error, "expires_seconds")}
              onChange={(e) => set({ days: e.currentTarget.value })}
            />
          </Group>
          <Group>
            <Checkbox label={t("property.editable")} checked={form.editable} onChange={(e) => set({ editable: e.currentTarget.checked })} />
            <Checkbox label={t("property.hidden")} checked={form.hidden} onChange={(e) => set({ hidden: e.currentTarget.checked })} />
            <Checkbox label={t("property.filterable")} checked={form.filterable} onChange={(e) => set({ filterable: e.currentTarget.checked })} />
          </Group>
          <Failure error={error} fields={fields} />
          {effect && <Effects effect={effect} />}
          <Group>
            <Button type="submit" loading={busy} disabled={(effect?.refused ?? 0) > 0}>
              {effect ? t("property.change") : t("common.save")}
            </Button>
            <Button variant="default" onClick={close}>
              {t("common.leave")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  );
}

function Effects({ effect }: { effect: Effect }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <Alert color="orange" role="status">
      <Text size="sm">
        {t("property.converted", { count: effect.converted, n: format.number(effect.converted) })}{" "}
        {effect.refused > 0 && t("property.refused", { count: effect.refused, n: format.number(effect.refused) })}
      </Text>
      <List size="sm">
        {(effect.examples ?? []).map((x) => (
          <List.Item key={x.contact_id}>
            #{x.contact_id}: {JSON.stringify(x.value)} {x.reason}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
