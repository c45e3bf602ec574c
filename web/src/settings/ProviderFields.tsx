import { Button, Checkbox, Fieldset, Group, NativeSelect, PasswordInput, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { wrong } from "@/api/problem";
import { type Role, roles } from "@/app/session";

import type { Form } from "./provider";

/** Fields that say what is wrong with them. */
export const shown = ["name", "issuer", "client_id", "client_secret", "domains", "scopes", "group_claim", "default_role", "roles"];

interface Props {
  form: Form;
  set: (change: Partial<Form>) => void;
  error: unknown;
  /** It is not made yet: its issuer can be said, and its secret has to be. */
  isNew: boolean;
}

/** What an identity provider is made of. */
export function ProviderFields({ form, set, error, isNew }: Props) {
  const { t } = useTranslation();
  const chosen = roles.map((value) => ({ value, label: t(`role.${value}`) }));
  const setGroup = (at: number, change: Partial<Form["groups"][number]>) => set({ groups: form.groups.map((g, i) => (i === at ? { ...g, ...change } : g)) });
  return (
    <Stack gap="sm">
      <TextInput label={t("session.name")} description={t("providers.nameHint")} required maxLength={100} value={form.name} error={wrong(error, "name")} onChange={(e) => set({ name: e.currentTarget.value })} />
      <TextInput label={t("providers.issuer")} description={t("providers.issuerHint")} type="url" required disabled={!isNew} maxLength={500} value={form.issuer} error={wrong(error, "issuer")} onChange={(e) => set({ issuer: e.currentTarget.value })} />
      <TextInput label={t("providers.clientID")} required maxLength={500} value={form.clientID} error={wrong(error, "client_id")} onChange={(e) => set({ clientID: e.currentTarget.value })} />
      <PasswordInput
        label={t("providers.secret")}
        description={isNew ? t("providers.secretHint") : t("providers.secretKept")}
        required={isNew}
        autoComplete="off"
        maxLength={500}
        value={form.secret}
        error={wrong(error, "client_secret")}
        onChange={(e) => set({ secret: e.currentTarget.value })}
      />
      <TagsInput label={t("providers.domains")} description={t("providers.domainsHint")} acceptValueOnBlur value={form.domains} error={wrong(error, "domains")} onChange={(domains) => set({ domains })} />
      <TagsInput label={t("providers.scopes")} description={t("providers.scopesHint")} acceptValueOnBlur value={form.scopes} error={wrong(error, "scopes")} onChange={(scopes) => set({ scopes })} />
      <Fieldset legend={t("providers.roles")}>
        <Stack gap="xs">
          <Text size="sm" c="dimmed">
            {t("providers.rolesHint")}
          </Text>
          <TextInput label={t("providers.claim")} placeholder="groups" maxLength={200} maw="20rem" value={form.claim} error={wrong(error, "group_claim")} onChange={(e) => set({ claim: e.currentTarget.value })} />
          {form.groups.map((g, at) => (
            <Group key={at} align="flex-end">
              <TextInput label={t("providers.group")} required maxLength={200} value={g.group} onChange={(e) => setGroup(at, { group: e.currentTarget.value })} />
              <NativeSelect label={t("people.role")} value={g.role} onChange={(e) => setGroup(at, { role: e.currentTarget.value as Role })} data={chosen} />
              <Button variant="default" aria-label={`${t("caps.drop")}: ${g.group}`} onClick={() => set({ groups: form.groups.filter((_, i) => i !== at) })}>
                {t("caps.drop")}
              </Button>
            </Group>
          ))}
          {wrong(error, "roles") && (
            <Text c="red" size="sm" role="alert">
              {wrong(error, "roles")}
            </Text>
          )}
          <Group>
            <Button size="xs" variant="default" onClick={() => set({ groups: [...form.groups, { group: "", role: "viewer" }] })}>
              {t("providers.addGroup")}
            </Button>
          </Group>
          <NativeSelect
            label={t("providers.otherwise")}
            maw="20rem"
            value={form.role}
            error={wrong(error, "default_role")}
            onChange={(e) => set({ role: e.currentTarget.value as Role | "" })}
            data={[{ value: "", label: t("providers.nobody") }, ...chosen]}
          />
        </Stack>
      </Fieldset>
      <Checkbox label={t("providers.enabled")} description={t("providers.enabledHint")} checked={form.enabled} onChange={(e) => set({ enabled: e.currentTarget.checked })} />
    </Stack>
  );
}
