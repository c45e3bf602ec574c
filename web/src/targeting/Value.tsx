import { Autocomplete, Group, MultiSelect, NativeSelect, Select, TagsInput, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { Moment } from "./Moment";
import { arity, type Field, isMoment, isRelative } from "./rule";

interface Props {
  /** The condition, as it is called: its place in the groups around it. */
  n: string;
  field: Field;
  operator: string;
  value: unknown;
  error: string | undefined;
  change: (value: unknown) => void;
}

/** What a condition compares with: as many values as its operator takes, entered as its field is. */
export function Value({ n, field, operator, value, error, change }: Props) {
  const { t } = useTranslation();
  const given: unknown[] = Array.isArray(value) ? value : [value];
  const label = t("targeting.value", { n });
  switch (arity(operator)) {
    case "none":
      return null;
    case "many":
      return <Many label={label} field={field} values={given} error={error} change={change} />;
    case "two":
      return (
        <Group gap="xs" align="flex-start" wrap={isMoment(field) ? "wrap" : "nowrap"} style={{ flex: "1 1 16rem", minWidth: 0 }}>
          <One n={n} label={label} field={field} operator={operator} value={given[0]} error={error} change={(v) => change([v, given[1] ?? null])} />
          <Text size="sm" lh="36px">
            {t("targeting.and")}
          </Text>
          <One
            n={n}
            label={t("targeting.valueTo", { n })}
            field={field}
            operator={operator}
            value={given[1]}
            error={error !== undefined}
            change={(v) => change([given[0] ?? null, v])}
          />
        </Group>
      );
    case "one":
      return <One n={n} label={label} field={field} operator={operator} value={value} error={error} change={change} />;
  }
}

const wide = { flex: "1 1 11rem", minWidth: "4rem" };

interface OneProps extends Omit<Props, "error"> {
  label: string;
  error: string | boolean | undefined;
}

function One({ n, label, field, operator, value, error, change }: OneProps) {
  const { t } = useTranslation();
  const shown = shownAs(value);
  const props = { "aria-label": label, error, style: wide };
  const values = field.values ?? [];
  if (isMoment(field)) return <Moment n={n} label={label} field={field} value={value} error={error} change={change} />;
  if (field.comparison === "boolean") {
    return (
      <NativeSelect
        {...props}
        value={shown}
        onChange={(e) => change(e.currentTarget.value === "true")}
        data={[
          ...(value === null ? [{ value: "", label: "" }] : []),
          { value: "true", label: t("targeting.truth.true") },
          { value: "false", label: t("targeting.truth.false") },
        ]}
      />
    );
  }
  if (field.comparison === "id" || (values.length > 0 && /^(not_)?equal$/.test(operator))) {
    return (
      <Select
        {...props}
        searchable
        data={options(field, [value])}
        value={shown || null}
        onChange={(chosen) => change(chosen === null ? null : meant(field, chosen))}
        nothingFoundMessage={t("targeting.noMatch")}
      />
    );
  }
  if (values.length > 0) return <Autocomplete {...props} data={values.map((v) => v.label)} value={shown} onChange={(v) => change(entered(field, v))} />;
  return (
    <TextInput
      {...props}
      {...(field.comparison === "time" ? { type: "time", step: 1 } : {})}
      {...(field.comparison === "number" ? { inputMode: "decimal" } : {})}
      value={shown}
      onChange={(e) => change(entered(field, e.currentTarget.value))}
    />
  );
}

function Many({ label, field, values, error, change }: Omit<Props, "n" | "operator" | "value"> & { label: string; values: unknown[] }) {
  const { t } = useTranslation();
  const props = { "aria-label": label, error, style: wide };
  const shown = values.map(shownAs);
  // What was there before stays what it was, such as a day by its distance from today.
  const before = (text: string) => values[shown.indexOf(text)];
  if (field.comparison === "id" || (field.values ?? []).length > 0) {
    return (
      <MultiSelect
        {...props}
        searchable
        data={options(field, values)}
        value={shown}
        onChange={(chosen) => change(chosen.map((text) => before(text) ?? meant(field, text)))}
        nothingFoundMessage={t("targeting.noMatch")}
      />
    );
  }
  return (
    <TagsInput
      {...props}
      placeholder={values.length === 0 ? t("targeting.list") : ""}
      value={shown}
      onChange={(tags) => change([...new Set(tags)].map((text) => before(text) ?? entered(field, text)))}
    />
  );
}

function shownAs(value: unknown): string {
  if (isRelative(value)) return `${-value.days_before} d`;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** The values that a field may have, and those that it has beside them: ids are listed up to a number. */
function options(field: Field, beside: unknown[]) {
  const listed = (field.values ?? []).map((v) => ({ value: String(v.value), label: v.label }));
  const others = beside.map(shownAs).filter((text) => text !== "" && !listed.some((o) => o.value === text));
  return [...listed, ...others.map((text) => ({ value: text, label: field.comparison === "id" ? `#${text}` : text }))];
}

/** The value behind an option. */
function meant(field: Field, option: string): unknown {
  return (field.values ?? []).find((v) => String(v.value) === option)?.value ?? entered(field, option);
}

/** The value that was entered: a number where it is one in full, so that 1. can become 1.5. */
function entered(field: Field, text: string): unknown {
  if (text.trim() === "") return null;
  const number = Number(text);
  return (field.comparison === "number" || field.comparison === "id") && String(number) === text ? number : text;
}
