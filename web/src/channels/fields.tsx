// The fields of a channel's form, those of its provider's settings among them.
import { Alert, Button, Checkbox, Fieldset, Group, NativeSelect, NumberInput, PasswordInput, SimpleGrid, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { wrong } from "@/api/problem";
import { Quiet } from "@/ui/Quiet";
import { Zone } from "@/ui/Zone";

import { type Form, pacesMailboxes, type Policy, policies } from "./form";
import { Mailboxes } from "./Mailboxes";
import { type Config, demanded, isKept, type Setting, type Values, withPair } from "./settings";

interface Props {
  form: Form;
  set: (change: Partial<Form>) => void;
  error: unknown;
}

const columns = { base: 1, md: 2 };

/** What the provider needs, as its schema says it. */
export function ProviderFields({ settings, stored, form, set, error }: Props & { settings: Setting[]; stored: Config }) {
  const { t } = useTranslation();
  const needed = demanded(settings, stored, form.values);
  const change = (part: Partial<Values>) => set({ values: { ...form.values, ...part } });
  if (settings.length === 0) return null;
  return (
    <Fieldset legend={t("channel.settings")}>
      <Stack gap="sm">
        {needed.length > 0 && (
          <Alert color="orange" role="status">
            {t("channel.anew", { names: settings.filter((s) => needed.includes(s.name)).map((s) => s.label).join(", ") })}
          </Alert>
        )}
        <SimpleGrid cols={columns} spacing="md">
          {settings.map((s) => (
            <Field key={s.name} setting={s} kept={isKept(s, stored)} anew={needed.includes(s.name)} values={form.values} change={change} error={error} />
          ))}
        </SimpleGrid>
      </Stack>
    </Fieldset>
  );
}

interface FieldProps {
  setting: Setting;
  /** The server keeps a secret for it. */
  kept: boolean;
  /** That secret is needed anew. */
  anew: boolean;
  values: Values;
  change: (part: Partial<Values>) => void;
  error: unknown;
}

function Field({ setting: s, kept, anew, values, change, error }: FieldProps) {
  const { t } = useTranslation();
  const shown = { label: s.label, description: s.description, error: wrong(error, `config.${s.name}`) };
  const setText = (value: string) => change({ texts: { ...values.texts, [s.name]: value } });
  const text = values.texts[s.name] ?? "";
  const usual = s.fallback === "" ? {} : { placeholder: t("channel.usual", { value: s.fallback }) };
  switch (s.kind) {
    case "text":
      return <TextInput {...shown} {...usual} withAsterisk={s.required} value={text} onChange={(e) => setText(e.currentTarget.value)} autoComplete="off" />;
    case "lines":
      return <Textarea {...shown} withAsterisk={s.required} value={text} onChange={(e) => setText(e.currentTarget.value)} autosize minRows={2} maxRows={12} />;
    case "number":
      return (
        <NumberInput
          {...shown}
          {...usual}
          withAsterisk={s.required}
          value={text}
          allowDecimal={!s.whole}
          clampBehavior="none"
          {...(s.minimum === undefined ? {} : { min: s.minimum })}
          {...(s.maximum === undefined ? {} : { max: s.maximum })}
          onChange={(value) => setText(String(value))}
        />
      );
    case "choice":
      return (
        <NativeSelect
          {...shown}
          withAsterisk={s.required}
          value={text}
          onChange={(e) => setText(e.currentTarget.value)}
          data={s.choices.includes(text) ? s.choices : ["", ...s.choices]}
        />
      );
    case "switch":
      return <Switch {...shown} checked={values.switches[s.name] === true} onChange={(e) => change({ switches: { ...values.switches, [s.name]: e.currentTarget.checked } })} />;
    case "secret": {
      const secret = values.secrets[s.name] ?? { given: "", drop: false };
      const put = (part: Partial<typeof secret>) => change({ secrets: { ...values.secrets, [s.name]: { ...secret, ...part } } });
      const field = {
        ...shown,
        withAsterisk: (s.required && !kept) || anew,
        placeholder: kept && !anew && !secret.drop ? t("channel.kept") : "",
        disabled: secret.drop,
        value: secret.given,
      };
      return (
        <Stack gap={4}>
          {s.lines ? (
            <Textarea {...field} autoComplete="off" spellCheck={false} autosize minRows={2} maxRows={12} onChange={(e) => put({ given: e.currentTarget.value })} />
          ) : (
            <PasswordInput {...field} autoComplete="new-password" onChange={(e) => put({ given: e.currentTarget.value })} />
          )}
          {kept && !s.required && <Checkbox size="xs" label={t("channel.drop", { name: s.label })} checked={secret.drop} onChange={(e) => put({ drop: e.currentTarget.checked })} />}
        </Stack>
      );
    }
    case "pairs":
    case "secrets":
      return <Pairs setting={s} values={values} change={change} error={shown.error} />;
  }
}

/** Names with values, such as headers. */
function Pairs({ setting: s, values, change, error }: Pick<FieldProps, "setting" | "values" | "change" | "error">) {
  const { t } = useTranslation();
  const pairs = values.pairs[s.name] ?? [];
  const set = (list: typeof pairs) => change({ pairs: { ...values.pairs, [s.name]: list } });
  const Value = s.kind === "secrets" ? PasswordInput : TextInput;
  return (
    <Fieldset legend={s.label}>
      <Stack gap="xs">
        <Text size="xs" c="dimmed">
          {s.description}
        </Text>
        {pairs.map((p) => {
          const put = (part: Partial<typeof p>) => set(pairs.map((other) => (other.key === p.key ? { ...p, ...part } : other)));
          return (
            <Group key={p.key} gap="xs" wrap="nowrap" align="flex-end">
              <TextInput flex={1} label={t("channel.pairName")} value={p.name} readOnly={p.kept} onChange={(e) => put({ name: e.currentTarget.value })} />
              <Value
                flex={1}
                label={t("channel.pairValue")}
                value={p.value}
                placeholder={p.kept ? t("channel.kept") : ""}
                autoComplete="off"
                onChange={(e) => put({ value: e.currentTarget.value })}
              />
              <Button variant="default" onClick={() => set(pairs.filter((other) => other.key !== p.key))} aria-label={t("channel.pairDrop", { name: p.name })}>
                ✕
              </Button>
            </Group>
          );
        })}
        {typeof error === "string" && (
          <Text c="red" size="sm" role="alert">
            {error}
          </Text>
        )}
        <Group>
          <Button size="xs" variant="default" onClick={() => set(withPair(pairs))}>
            {t("channel.pairAdd", { name: s.label })}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}

type Limit = "perSecond" | "burst" | "concurrency" | "perRecipient" | "perRecipientBurst" | "perDay" | "first" | "factor" | "ceiling";

const limits: Record<Limit, string> = {
  perSecond: "limits.per_second",
  burst: "limits.burst",
  concurrency: "limits.concurrency",
  perRecipient: "limits.per_recipient_seconds",
  perRecipientBurst: "limits.per_recipient_burst",
  perDay: "limits.recipients_per_day",
  first: "limits.warm_up.first",
  factor: "limits.warm_up.factor",
  ceiling: "limits.warm_up.ceiling",
};

const poolField = "limits.recipients_pool";

/** How fast a channel may go, and when not at all; address is the kind that its provider delivers to unless its settings name another. */
export function SendingFields({ address, form, set, error }: Props & { address: string }) {
  const { t } = useTranslation();
  const number = (key: Limit, whole = false, required = false) => (
    <NumberInput
      label={t(`channel.limit.${key}`)}
      description={t(`channel.limitHint.${key}`)}
      min={0}
      allowNegative={false}
      allowDecimal={!whole}
      withAsterisk={required}
      value={form[key]}
      error={wrong(error, limits[key])}
      onChange={(value) => set({ [key]: String(value) })}
    />
  );
  return (
    <>
      <Fieldset legend={t("channel.limits")}>
        <SimpleGrid cols={columns} spacing="md">
          {number("perSecond")}
          {number("burst", true)}
          {number("concurrency", true)}
          {number("perRecipient")}
          {number("perRecipientBurst", true)}
          {number("perDay", true)}
          <TextInput
            label={t("channel.pool")}
            description={t("channel.poolHint")}
            value={form.pool}
            error={wrong(error, poolField)}
            onChange={(e) => set({ pool: e.currentTarget.value.trim() })}
          />
          <Checkbox label={t("channel.warm")} description={t("channel.warmHint")} checked={form.warm} onChange={(e) => set({ warm: e.currentTarget.checked })} />
          {form.warm && (
            <>
              {number("first", true, true)}
              {number("ceiling", true, true)}
              {number("factor")}
            </>
          )}
        </SimpleGrid>
      </Fieldset>
      {pacesMailboxes(address, form) && <Mailboxes rows={form.mailboxes} set={(mailboxes) => set({ mailboxes })} error={error} />}
      <Fieldset legend={t("channel.behaviour")}>
        <Stack gap="sm">
          <Zone label={t("when.zone")} value={form.timezone} error={wrong(error, "timezone")} onChange={(timezone) => set({ timezone })} />
          <NativeSelect
            maw="30rem"
            label={t("channel.inDoubt")}
            description={t("channel.inDoubtHint")}
            value={form.inDoubt}
            error={wrong(error, "in_doubt")}
            onChange={(e) => set({ inDoubt: e.currentTarget.value as Policy })}
            data={policies.map((value) => ({ value, label: t(`channel.policy.${value || "usual"}`) }))}
          />
          <Checkbox label={t("channel.silent")} checked={form.silent} onChange={(e) => set({ silent: e.currentTarget.checked })} />
        </Stack>
      </Fieldset>
      <Quiet from={form.from} to={form.to} error={error} set={set} />
    </>
  );
}

/** Fields of the form, which show what is wrong with them. */
export const shownFields = (settings: Setting[]) => ["name", ...settings.map((s) => `config.${s.name}`), ...Object.values(limits), poolField, "limits.mailboxes", "timezone", "in_doubt", "quiet_hours"];
