import { Select } from "@mantine/core";
import { type ReactNode, useMemo } from "react";

interface Props {
  label: string;
  description?: string;
  value: string;
  error?: ReactNode;
  onChange: (zone: string) => void;
}

/** A time zone by its IANA name. */
export function Zone({ value, onChange, ...props }: Props) {
  // Browsers list the places, and leave out UTC.
  const zones = useMemo(() => [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])], []);
  return (
    <Select
      {...props}
      searchable
      data={zones.includes(value) || value === "" ? zones : [value, ...zones]}
      value={value || null}
      onChange={(zone) => onChange(zone ?? value)}
      maw="20rem"
    />
  );
}
