import { Group, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { type Field, isRelative } from "./rule";

/** How a point in time is said: by its date, its distance from today, a time on the clock, or any other way. */
type Kind = "day" | "ago" | "moment" | "text";

const inputs = { day: "date", ago: "number", moment: "datetime-local", text: "text" } as const;

function kindOf(value: unknown): Kind | undefined {
  if (isRelative(value)) return "ago";
  if (typeof value !== "string") return undefined;
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return "day";
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(value) ? "moment" : "text";
}

interface Props {
  n: string;
  label: string;
  field: Field;
  value: unknown;
  error: string | boolean | undefined;
  change: (value: unknown) => void;
}

/** A point in time that a condition compares with. */
export function Moment({ n, label, field, value, error, change }: Props) {
  const { t } = useTranslation();
  const [chosen, choose] = useState<Kind>();
  const kind = chosen ?? kindOf(value) ?? "day";
  const kinds: Kind[] = field.comparison === "date" ? ["day", "ago"] : ["day", "ago", "moment", "text"];
  const fits = kindOf(value) === kind || kind === "text";
  const shown = isRelative(value) ? String(value.days_before) : typeof value === "string" ? value : "";
  const read = (text: string) => {
    if (text === "") change(null);
    else change(kind === "ago" ? { days_before: Number(text) } : text);
  };
  return (
    <Group gap="xs" align="flex-start" wrap="nowrap" style={{ flex: "1 1 14rem", minWidth: 0 }}>
      <NativeSelect
        aria-label={t("targeting.timeKind", { n })}
        value={kind}
        onChange={(e) => {
          choose(e.currentTarget.value as Kind);
          change(null);
        }}
        data={kinds.map((k) => ({ value: k, label: t(`targeting.time.${k}`) }))}
      />
      <TextInput
        aria-label={label}
        type={inputs[kind]}
        {...(kind === "ago" ? { title: t("targeting.timeHint") } : {})}
        value={fits ? shown : ""}
        error={error}
        onChange={(e) => read(e.currentTarget.value)}
        style={{ flex: 1, minWidth: 0 }}
      />
    </Group>
  );
}
