// The fields of limits for single mailbox providers.
import { Button, Checkbox, Fieldset, Group, NumberInput, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { isTwice, others, type Row, withRow, wrongIn } from "./mailboxes";

interface Props {
  rows: Row[];
  set: (rows: Row[]) => void;
  error: unknown;
}

/** How much goes to each mailbox provider, whatever the domains of its recipients. */
export function Mailboxes({ rows, set, error }: Props) {
  const { t } = useTranslation();
  const wrong = wrongIn(error);
  return (
    <Fieldset legend={t("channel.mailboxes")}>
      <Stack gap="sm">
        <Text size="sm">{t("channel.mailboxesHint")}</Text>
        {rows.map((row) => (
          <Limits
            key={row.key}
            row={row}
            twice={isTwice(rows, row)}
            error={error}
            put={(part) => set(rows.map((r) => (r.key === row.key ? { ...row, ...part } : r)))}
            drop={() => set(rows.filter((r) => r.key !== row.key))}
          />
        ))}
        {wrong && (
          <Text c="red" size="sm" role="alert">
            {wrong}
          </Text>
        )}
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => set(withRow(rows, ""))}>
            {t("channel.mailboxAdd")}
          </Button>
          {!rows.some((r) => r.name === others) && (
            <Button size="xs" variant="default" onClick={() => set(withRow(rows, others))}>
              {t("channel.mailboxAddOthers")}
            </Button>
          )}
        </Group>
      </Stack>
    </Fieldset>
  );
}

interface RowProps {
  row: Row;
  twice: boolean;
  error: unknown;
  put: (part: Partial<Row>) => void;
  drop: () => void;
}

/** The fields of the API, by those of a row. */
const fields = {
  perSecond: "per_second",
  perDay: "recipients_per_day",
  first: "warm_up.first",
  ceiling: "warm_up.ceiling",
  factor: "warm_up.factor",
} as const;

function Limits({ row, twice, error, put, drop }: RowProps) {
  const { t } = useTranslation();
  const number = (key: keyof typeof fields, whole: boolean, required = false) => (
    <NumberInput
      label={t(`channel.limit.${key}`)}
      {...(key === "perSecond" || key === "perDay" ? {} : { description: t(`channel.limitHint.${key}`) })}
      min={0}
      allowNegative={false}
      allowDecimal={!whole}
      withAsterisk={required}
      value={row[key]}
      error={wrongIn(error, row.name, fields[key])}
      onChange={(value) => put({ [key]: String(value) })}
    />
  );
  const title = row.name || t("channel.mailboxNew");
  return (
    <Fieldset legend={title} p="sm">
      <Stack gap="sm">
        {row.name === others && <Text size="sm">{t("channel.mailboxOthersHint")}</Text>}
        <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md">
          <TextInput
            label={t("channel.mailboxName")}
            required
            autoComplete="off"
            spellCheck={false}
            maxLength={253}
            value={row.name}
            error={twice ? t("channel.mailboxTwice") : wrongIn(error, row.name)}
            onChange={(e) => put({ name: e.currentTarget.value })}
          />
          {number("perSecond", false)}
          {number("perDay", true)}
        </SimpleGrid>
        <Checkbox label={t("channel.warm")} checked={row.warm} error={wrongIn(error, row.name, "warm_up")} onChange={(e) => put({ warm: e.currentTarget.checked })} />
        {row.warm && (
          <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md">
            {number("first", true, true)}
            {number("ceiling", true, true)}
            {number("factor", false)}
          </SimpleGrid>
        )}
        <Group>
          <Button size="xs" variant="default" onClick={drop}>
            {t("channel.pairDrop", { name: title })}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
