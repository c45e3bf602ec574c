import { Alert, Fieldset, Loader, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Zone } from "@/ui/Zone";

import { Builder } from "./Builder";
import { useCount } from "./count";
import { markAt, marksOf } from "./marks";
import { blank, type Branch, type Field, hasDays, inZone, type Json, keptIn, toBuilder, toRule, unfilled, zoneOf } from "./rule";

export interface RuleEditorProps {
  /** The rule as it is at first; undefined for none yet. */
  initial: unknown;
  change?: (rule: Json | undefined) => void;
  /** What the server found wrong when it was to be kept, and where the rule stood in what it was given. */
  error?: unknown;
  at?: string;
  disabled?: boolean;
}

const fieldsFor = 60_000; // ms for which the fields count as new

/** A rule as it is built, with how many it holds for. */
export default function RuleEditor(props: RuleEditorProps) {
  const { t } = useTranslation();
  const read = api.useQuery("get", "/v1/targeting/fields", {}, { staleTime: fieldsFor });
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  if (!read.data) return <Loader size="sm" aria-label={t("common.loading")} />;
  return <Loaded {...props} fields={read.data.fields ?? []} />;
}

const here = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function Loaded({ initial, change, error, at = "rule", disabled = false, fields }: RuleEditorProps & { fields: readonly Field[] }) {
  const { t } = useTranslation();
  const [branch, setBranch] = useState(() => (initial === undefined ? blank(here()) : toBuilder(initial, fields)));
  const rule = branch ? toRule(branch, fields) : (initial as Json);
  const lacks = unfilled(rule);
  const count = useCount(lacks > 0 ? undefined : rule);
  const refused = marksOf(count.error, "rule");
  const marks = [...marksOf(error, at), ...refused];
  const set = (next: Branch) => {
    setBranch(next);
    change?.(toRule(next, fields));
  };
  const kept = branch ? keptIn(branch) : 0;
  const zoneWrong = markAt(marks, [], "timezone");
  return (
    <Stack gap="sm">
      {!branch && <Alert color="cyan">{t("targeting.keptAll")}</Alert>}
      {branch && (
        <Fieldset variant="unstyled" disabled={disabled}>
          <Stack gap="sm">
            <Builder branch={branch} fields={fields} marks={marks} change={set} />
            {kept > 0 && <Alert color="cyan">{t("targeting.keptSome", { count: kept })}</Alert>}
            {(hasDays(branch, fields) || zoneWrong) && (
              <Zone label={t("targeting.zone")} value={zoneOf(branch) || "UTC"} error={zoneWrong} onChange={(zone) => set(inZone(branch, zone))} />
            )}
          </Stack>
        </Fieldset>
      )}
      <Count lacks={lacks} said={rule !== undefined} count={count} />
      <Failure error={refused.length > 0 ? null : count.error} />
    </Stack>
  );
}

function Count({ lacks, said, count }: { lacks: number; said: boolean; count: ReturnType<typeof useCount> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const words = () => {
    if (!said) return "";
    if (lacks > 0) return t("targeting.unfilled", { count: lacks });
    if (count.n === undefined || count.of === undefined) return count.busy ? t("targeting.counting") : "";
    return t("targeting.count", { count: count.n, n: format.number(count.n), total: format.number(count.of) });
  };
  return (
    <Text size="sm" role="status" fw={600}>
      {words()}
    </Text>
  );
}
