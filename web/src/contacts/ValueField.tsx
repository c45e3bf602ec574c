import { NativeSelect, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";

import { choices } from "./values";

interface Props {
  property: Schema<"Property">;
  label?: string;
  value: string;
  error?: ReactNode;
  onChange: (value: string) => void;
  disabled?: boolean;
}

/** A field for a value of a property. */
export function ValueField({ property, label, value, error, onChange, disabled = false }: Props) {
  const { t } = useTranslation();
  const common = { label: label ?? (property.label || property.key), value, error, disabled, onChange: (e: { currentTarget: { value: string } }) => onChange(e.currentTarget.value) };
  if (property.type === "checkbox") {
    const data = [
      { value: "", label: t("property.noValue") },
      { value: "true", label: t("property.yes") },
      { value: "false", label: t("property.no") },
    ];
    return <NativeSelect {...common} data={data} />;
  }
  const some = choices(property.type, property.rule);
  if (some.length > 0 && property.type !== "collection") {
    return <NativeSelect {...common} data={[{ value: "", label: t("property.noValue") }, ...new Set([...some, ...(value ? [value] : [])])]} />;
  }
  const hint = property.type === "collection" ? { description: t("property.collectionHint") } : {};
  if (property.type === "date") return <TextInput {...common} type="date" />;
  return <TextInput {...common} {...hint} inputMode={["number", "currency", "percent"].includes(property.type) ? "decimal" : "text"} />;
}
