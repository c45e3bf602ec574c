import { useRef } from "react";
import { type Field as Listed, QueryBuilder, type RuleGroupType } from "react-querybuilder";

import { Branches } from "./Branches";
import { Condition } from "./Condition";
import type { Mark } from "./marks";
import { type Branch, type Field, fitted } from "./rule";
import { builderMark, type Shared } from "./shared";

interface Props {
  branch: Branch;
  fields: readonly Field[];
  marks: readonly Mark[];
  change: (branch: Branch) => void;
}

const first = "first_name"; // of what a new condition speaks

const controls = { ruleGroup: Branches, rule: Condition };

/** The conditions of a rule, with react-querybuilder's bookkeeping and our own controls. */
export function Builder({ branch, fields, marks, change }: Props) {
  const freshRef = useRef<string | undefined>(undefined);
  const listed = fields.map((f): Listed => ({ name: f.field, label: f.label }));
  const shared: Shared = { fields, marks, freshRef };
  const operators = (name: string) => (fields.find((f) => f.field === name)?.operators ?? []).map((o) => ({ name: o, value: o, label: o }));
  return (
    <div {...builderMark}>
      <QueryBuilder
        query={branch as RuleGroupType}
        onQueryChange={(query) => change(fitted(query as Branch))}
        fields={listed}
        getDefaultField={fields.some((f) => f.field === first) ? first : (fields[0]?.field ?? "")}
        getOperators={operators}
        getDefaultOperator={(name) => operators(name)[0]?.name ?? ""}
        getDefaultValue={() => null}
        addRuleToNewGroups
        enableMountQueryChange={false}
        controlElements={controls}
        context={shared}
      />
    </div>
  );
}
