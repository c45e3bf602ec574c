import { Alert, Fieldset, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { zoneHere } from "@/ui/here";
import { Zone } from "@/ui/Zone";

import { Builder } from "./Builder";
import { type Mark, markAt } from "./marks";
import { begun, type Branch, type Field, hasDays, inZone, type Json, keptIn, toRule, zoneOf } from "./rule";

interface Props {
  /** Undefined for none yet. */
  rule: unknown;
  fields: readonly Field[];
  /** What the server found wrong with it. */
  marks: readonly Mark[];
  /** Told of the rule; undefined where it says nothing any more. */
  change: (rule: Json | undefined) => void;
  disabled?: boolean;
}

const shown = (rule: unknown, fields: readonly Field[]) => begun(rule, fields, zoneHere());

/** A rule as it is built. A rule that its caller changed otherwise, such as by undoing, is shown anew. */
export function RuleForm({ rule, fields, marks, change, disabled = false }: Props) {
  const { t } = useTranslation();
  const [built, setBuilt] = useState(() => ({ branch: shown(rule, fields), said: JSON.stringify(rule) }));
  let { branch } = built;
  const said = JSON.stringify(rule);
  if (said !== built.said) {
    branch = shown(rule, fields);
    setBuilt({ branch, said });
  }
  const set = (next: Branch) => {
    const made = toRule(next, fields);
    setBuilt({ branch: next, said: JSON.stringify(made) });
    change(made);
  };
  if (!branch) return <Alert color="cyan">{t("targeting.keptAll")}</Alert>;
  const kept = keptIn(branch);
  const zoneWrong = markAt(marks, [], "timezone");
  return (
    <Fieldset variant="unstyled" disabled={disabled}>
      <Stack gap="sm">
        <Builder branch={branch} fields={fields} marks={marks} change={set} />
        {kept > 0 && <Alert color="cyan">{t("targeting.keptSome", { count: kept })}</Alert>}
        {(hasDays(branch, fields) || zoneWrong) && (
          <Zone label={t("targeting.zone")} value={zoneOf(branch) || "UTC"} error={zoneWrong} onChange={(zone) => set(inZone(branch, zone))} />
        )}
      </Stack>
    </Fieldset>
  );
}
