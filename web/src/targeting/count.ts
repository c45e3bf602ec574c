import { useDebouncedValue } from "@mantine/hooks";

import { api } from "@/api/client";

import type { Json } from "./rule";

const pause = 400; // ms after the last change until it is asked for
const everybodyFor = 60_000; // ms for which the number of all contacts counts as new

/** Holds for every contact there is: ids begin at 1. */
const everybody = { condition: "AND", rules: [{ field: "id", operator: "greater", value: 0 }] };

/** A rule a moment after it was changed last; undefined while it is being changed. */
export function useSettled(rule: Json | undefined): Json | undefined {
  const text = rule ? JSON.stringify(rule) : "";
  const [settled] = useDebouncedValue(text, pause);
  return settled === text ? rule : undefined;
}

/** Whom a rule holds for, of how many. Answers to what it was before are dropped. */
export function useCount(rule: Json | undefined) {
  const settled = useSettled(rule);
  const counted = api.useQuery("post", "/v1/targeting/count", { body: { rule: settled } }, { enabled: settled !== undefined, staleTime: 0 });
  const all = api.useQuery("post", "/v1/targeting/count", { body: { rule: everybody } }, { staleTime: everybodyFor });
  return {
    n: settled && counted.data?.total,
    of: all.data?.total,
    busy: settled !== rule || counted.isFetching,
    error: settled ? counted.error : null,
  };
}
