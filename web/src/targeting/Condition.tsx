import { Box, CloseButton, Code, Group, Select, Text } from "@mantine/core";
import { type MouseEvent, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { RuleProps } from "react-querybuilder";

import { fieldOptions, operatorLabel } from "./labels";
import { markAt } from "./marks";
import type { Row } from "./rule";
import { placeName, type Shared, toTheGroup } from "./shared";
import { Value } from "./Value";

/** One comparison: of what, how, and with what. */
export function Condition({ rule, path, actions, context }: RuleProps) {
  const { t } = useTranslation();
  const { fields, marks, freshRef } = context as Shared;
  const row = rule as unknown as Row;
  const n = placeName(path);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (freshRef.current !== row.id) return;
    freshRef.current = undefined;
    first.current?.focus();
  }, [freshRef, row.id]);
  const field = fields.find((f) => f.field === row.field);
  const remove = (e: MouseEvent) => {
    toTheGroup(e.currentTarget, path);
    actions.onRuleRemove(path);
  };
  const wrong = markAt(marks, path, "field", "id", "type", "");
  return (
    <Box role="group" aria-label={t("targeting.condition", { n })} pb="xs" style={{ borderBottom: "1px solid var(--mantine-color-default-border)" }}>
      <Group gap="xs" align="flex-start" wrap="nowrap">
        {row.kept || !field ? (
          <Box style={{ flex: 1, minWidth: 0 }}>
            <Code style={{ overflowWrap: "anywhere" }}>{[row.field, row.operator, row.value === null ? "" : JSON.stringify(row.value)].join(" ")}</Code>
            <Text size="sm" c="dimmed">
              {t("targeting.kept")}
            </Text>
            {(wrong ?? markAt(marks, path, "operator", "value")) && (
              <Text size="sm" c="red" role="alert">
                {wrong ?? markAt(marks, path, "operator", "value")}
              </Text>
            )}
          </Box>
        ) : (
          <Group gap="xs" align="flex-start" style={{ flex: 1, minWidth: 0 }}>
            <Select
              ref={first}
              aria-label={t("targeting.field", { n })}
              searchable
              allowDeselect={false}
              data={fieldOptions(fields, t)}
              value={row.field}
              error={wrong}
              onChange={(name) => name !== null && actions.onPropChange("field", name, path)}
              nothingFoundMessage={t("targeting.noMatch")}
              style={{ flex: "1 1 11rem", minWidth: 0 }}
            />
            <Select
              aria-label={t("targeting.operator", { n })}
              searchable
              allowDeselect={false}
              data={(field.operators ?? []).map((o) => ({ value: o, label: operatorLabel(o, field.comparison, t) }))}
              value={row.operator}
              error={markAt(marks, path, "operator")}
              onChange={(operator) => operator !== null && actions.onPropChange("operator", operator, path)}
              nothingFoundMessage={t("targeting.noMatch")}
              style={{ flex: "1 1 9rem", minWidth: 0 }}
            />
            <Value
              key={row.field}
              n={n}
              field={field}
              operator={row.operator}
              value={row.value}
              error={markAt(marks, path, "value")}
              change={(value) => actions.onPropChange("value", value, path)}
            />
          </Group>
        )}
        <CloseButton mt={4} aria-label={t("targeting.removeCondition", { n })} onClick={remove} />
      </Group>
    </Box>
  );
}
