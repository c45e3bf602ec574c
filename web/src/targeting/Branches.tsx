import { Box, Button, CloseButton, Group, NativeSelect, Stack, Text } from "@mantine/core";
import type { MouseEvent } from "react";
import { useTranslation } from "react-i18next";
import { isRuleGroup, type RuleGroupProps, type RuleType } from "react-querybuilder";

import { Condition } from "./Condition";
import { markAt } from "./marks";
import { addMark, placeName, type Shared, toTheGroup } from "./shared";

const holds = ["and", "or", "not-and", "not-or"] as const;

/** Conditions and groups that belong together, and how. */
export function Branches(props: RuleGroupProps) {
  const { t } = useTranslation();
  const { ruleGroup, path, actions, schema, translations } = props;
  const context = props.context as Shared;
  const { marks, freshRef } = context;
  const inner = path.length > 0;
  const n = placeName(path);
  const rules = ruleGroup.rules.filter((node) => typeof node !== "string");
  const combinator = "combinator" in ruleGroup ? ruleGroup.combinator : "and";
  const hold = (how: string) => {
    actions.onPropChange("combinator", how.replace("not-", ""), path);
    actions.onPropChange("not", how.startsWith("not-"), path);
  };
  const addCondition = () => {
    const made = schema.createRule();
    freshRef.current = made.id;
    actions.onRuleAdd(made, path);
  };
  const addGroup = () => {
    const made = schema.createRuleGroup();
    freshRef.current = (made.rules[0] as RuleType | undefined)?.id;
    actions.onGroupAdd(made, path);
  };
  const remove = (e: MouseEvent) => {
    toTheGroup(e.currentTarget, path);
    actions.onGroupRemove(path);
  };
  const wrong = markAt(marks, path, "rules", "condition", "not", "");
  return (
    <Box
      role="group"
      aria-label={inner ? t("targeting.group", { n }) : t("targeting.whole")}
      style={inner ? { borderInlineStart: "3px solid var(--mantine-color-cyan-7)", paddingInlineStart: "var(--mantine-spacing-sm)" } : {}}
    >
      <Stack gap="xs">
        <Group justify="space-between" align="flex-start" wrap="nowrap">
          <NativeSelect
            aria-label={`${t("targeting.how")}${inner ? ` (${t("targeting.group", { n })})` : ""}`}
            value={`${ruleGroup.not ? "not-" : ""}${combinator}`}
            onChange={(e) => hold(e.currentTarget.value)}
            data={holds.map((how) => ({ value: how, label: t(`targeting.holds.${how}`) }))}
            error={wrong}
          />
          {inner && <CloseButton mt={4} aria-label={t("targeting.removeGroup", { n })} onClick={remove} />}
        </Group>
        {rules.map((node, i) => {
          const at = [...path, i];
          const shared = { schema, actions, context, translations, path: at };
          return isRuleGroup(node) ? <Branches key={node.id} {...shared} ruleGroup={node} /> : <Condition key={node.id} {...shared} rule={node} />;
        })}
        {rules.length === 0 && !inner && (
          <Text size="sm" c="dimmed">
            {t("targeting.everybody")}
          </Text>
        )}
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={addCondition} {...addMark(path)} aria-label={inner ? `${t("targeting.addCondition")} (${t("targeting.group", { n })})` : t("targeting.addCondition")}>
            {t("targeting.addCondition")}
          </Button>
          <Button size="xs" variant="default" onClick={addGroup} aria-label={inner ? `${t("targeting.addGroup")} (${t("targeting.group", { n })})` : t("targeting.addGroup")}>
            {t("targeting.addGroup")}
          </Button>
        </Group>
      </Stack>
    </Box>
  );
}
