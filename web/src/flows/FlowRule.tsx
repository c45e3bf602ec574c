import { Loader } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import type { Problem } from "@/api/problem";
import { marksOf } from "@/targeting/marks";
import { RuleForm } from "@/targeting/RuleForm";
import { Failure } from "@/ui/Failure";

import type { Step } from "./graph";
import { asking, nobody, type Rule, sameForm } from "./rule";

interface Props {
  rule: unknown;
  /** The steps whose answers and messages it may speak of. */
  steps: readonly Step[];
  /** Told of the rule; typing says that nothing but a value was changed. */
  change: (rule: Rule, typing: boolean) => void;
  problem: Problem | undefined;
  /** Where the rule stands in what the problem is about. */
  at: string;
}

const fieldsFor = 60_000; // ms for which the fields of everybody count as new

/** A rule of a flow, which knows of answers and messages beside what is known of everybody. */
export default function FlowRule({ rule, steps, change, problem, at }: Props) {
  const { t } = useTranslation();
  const common = api.useQuery("get", "/v1/targeting/fields", {}, { staleTime: fieldsFor });
  const own = api.useQuery("post", "/v1/flows/fields", { body: { steps: asking(steps) } }, { staleTime: fieldsFor, placeholderData: keepPreviousData });
  const error = common.error ?? own.error;
  if (error) return <Failure error={error} again={() => void Promise.all([common.refetch(), own.refetch()])} />;
  if (!common.data || !own.data) return <Loader size="sm" aria-label={t("common.loading")} />;
  const set = (next: Rule = nobody) => change(next, sameForm(rule, next));
  return <RuleForm rule={rule} fields={[...(own.data.fields ?? []), ...(common.data.fields ?? [])]} marks={marksOf(problem, at)} change={set} />;
}
