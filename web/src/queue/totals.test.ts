import { expect, test } from "vitest";

import { rows } from "./totals";

const none = { oldest_wait_seconds: 0, queued: 0, sending: 0 };
const pace = { accepted_per_second: 2, words: "" };

test("below each channel stands what it consists of", () => {
  const priorities = [
    { ...none, priority: "transactional" as const, pending: 1 },
    { ...none, priority: "bulk" as const, pending: 9 },
  ];
  const both = { ...none, channel_id: 3, pending: 10, in_doubt: 0, pace, priorities };
  const doubt = { ...none, channel_id: 4, pending: 0, in_doubt: 2, pace, priorities: null };
  expect(rows([both, doubt]).map((r) => [r.key, r.priority, r.waiting.pending, r.total.channel_id])).toEqual([
    ["3", undefined, 10, 3],
    ["3 transactional", "transactional", 1, 3],
    ["3 bulk", "bulk", 9, 3],
    ["4", undefined, 0, 4],
  ]);
  expect(rows([])).toEqual([]);
});
