import { Loader, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";

import { useCount } from "./count";
import { marksOf } from "./marks";
import { type Field, type Json, unfilled } from "./rule";
import { RuleForm } from "./RuleForm";

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

function Loaded({ initial, change, error, at = "rule", disabled = false, fields }: RuleEditorProps & { fields: readonly Field[] }) {
  const [rule, setRule] = useState(initial as Json | undefined);
  const lacks = unfilled(rule);
  const count = useCount(lacks > 0 ? undefined : rule);
  const refused = marksOf(count.error, "rule");
  const set = (next: Json | undefined) => {
    setRule(next);
    change?.(next);
  };
  return (
    <Stack gap="sm">
      <RuleForm rule={rule} fields={fields} marks={[...marksOf(error, at), ...refused]} change={set} disabled={disabled} />
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
