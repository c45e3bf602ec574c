import { Button, Fieldset, Group, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";
import { Zone } from "@/ui/Zone";

import { addressKinds, changeOf, fields, type Form, formOf } from "./contactForm";
import { ValueField } from "./ValueField";

interface Props {
  contact: Schema<"Contact">;
  close: () => void;
}

const statuses = ["active", "inactive", "blocked"] as const;

/** Changes what is known of a contact. */
export function EditContact({ contact, close }: Props) {
  const { t } = useTranslation();
  const known = api.useQuery("get", "/v1/properties");
  if (known.error) return <Failure error={known.error} />;
  if (!known.data) return null;
  return (
    <Part title={t("contacts.facts")}>
      <ContactForm contact={contact} properties={known.data.items ?? []} close={close} />
    </Part>
  );
}

function ContactForm({ contact, properties, close }: Props & { properties: Schema<"Property">[] }) {
  const { t } = useTranslation();
  const [before] = useState(() => formOf(contact, properties));
  const [form, setForm] = useState<Form>(before);
  const save = api.useMutation("patch", "/v1/contacts/{id}", {
    onSuccess: async () => {
      await refresh("/v1/contacts");
      close();
    },
  });
  const { error } = save;
  // Kinds of addresses that nobody needs are not in the way.
  const [kinds, setKinds] = useState<string[]>(() => addressKinds.filter((kind) => kind === "email" || kind === "phone" || form.addresses[kind]));
  const rest = addressKinds.filter((kind) => !kinds.includes(kind));
  const shownFields = [...fields, "timezone", "status", ...kinds.map((kind) => `addresses.${kind}`), ...properties.map(({ key }) => `attributes.${key}`)];
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate({ params: { path: { id: contact.id } }, body: changeOf(before, form, properties) });
      }}
    >
      <Stack gap="sm">
        {fields.map((key) => (
          <TextInput
            key={key}
            label={t(`contacts.fields.${key}`)}
            value={form.fields[key]}
            error={wrong(error, key)}
            onChange={(e) => setForm({ ...form, fields: { ...form.fields, [key]: e.currentTarget.value } })}
          />
        ))}
        <Zone label={t("contacts.fields.timezone")} value={form.timezone} error={wrong(error, "timezone")} onChange={(timezone) => setForm({ ...form, timezone })} />
        <NativeSelect
          label={t("contacts.status")}
          value={form.status}
          error={wrong(error, "status")}
          onChange={(e) => setForm({ ...form, status: e.currentTarget.value as Form["status"] })}
          data={[...(contact.status === "deleted" ? (["deleted"] as const) : []), ...statuses].map((value) => ({ value, label: t(`contacts.statuses.${value}`) }))}
        />
        <Fieldset legend={t("contacts.addresses")}>
          <Stack gap="xs">
            {kinds.map((kind) => (
              <TextInput
                key={kind}
                label={kind}
                value={form.addresses[kind] ?? ""}
                error={wrong(error, `addresses.${kind}`)}
                onChange={(e) => setForm({ ...form, addresses: { ...form.addresses, [kind]: e.currentTarget.value } })}
              />
            ))}
            {rest.length > 0 && (
              <NativeSelect
                label={t("contacts.moreAddresses")}
                value=""
                onChange={(e) => setKinds([...kinds, e.currentTarget.value])}
                data={[{ value: "", label: "" }, ...rest.map((kind) => ({ value: kind, label: kind }))]}
              />
            )}
          </Stack>
        </Fieldset>
        {properties.length > 0 && (
          <Fieldset legend={t("property.title")}>
            <Stack gap="xs">
              {properties
                .filter(({ hidden }) => !hidden)
                .map((p) => (
                  <ValueField
                    key={p.key}
                    property={p}
                    value={form.values[p.key] ?? ""}
                    error={wrong(error, `attributes.${p.key}`)}
                    disabled={!p.editable}
                    onChange={(value) => setForm({ ...form, values: { ...form.values, [p.key]: value } })}
                  />
                ))}
            </Stack>
          </Fieldset>
        )}
        <Failure error={error} fields={shownFields} />
        <Group>
          <Button type="submit" loading={save.isPending}>
            {t("common.save")}
          </Button>
          <Button variant="default" onClick={close}>
            {t("common.leave")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
