import type { TFunction } from "i18next";

import type { Step } from "./graph";

export const starts = ["empty", "welcome", "question", "reminder"] as const;
export type Start = (typeof starts)[number];

/** Braces in our words are filled in by the server, not here. */
const stars = "{{ answers.stars }}";

/** The steps that a new flow begins with: words that can stay, and be changed. */
export function stepsOfStart(start: Start, t: TFunction): Step[] {
  const say = (what: "welcome" | "tips" | "question" | "thanks" | "sorry" | "remind") => ({ subject: t(`flowStart.${what}.subject`), text: t(`flowStart.${what}.text`, { stars }) });
  const end = (id: string, outcome: string): Step => ({ id, kind: "end", outcome });
  switch (start) {
    case "empty":
      return [end("end", t("flow.ended"))];
    case "welcome":
      return [
        { id: "welcome", kind: "send", content: say("welcome") },
        { id: "pause", kind: "wait", wait: { for: "3d" } },
        { id: "tips", kind: "send", content: say("tips") },
        end("end", t("flowStart.welcomed")),
      ];
    case "question":
      return [
        { id: "stars", kind: "ask", content: say("question"), question: { type: "number", rule: ">=1 <=5", timeout: "3d" }, exits: { timeout: "silent", invalid: "silent" } },
        {
          id: "judge",
          kind: "branch",
          branches: [{ rule: { condition: "AND", rules: [{ field: "answers.stars", operator: "greater_or_equal", value: 4 }] }, next: "thanks" }],
          next: "sorry",
        },
        { id: "thanks", kind: "send", content: say("thanks"), next: "answered" },
        { id: "sorry", kind: "send", content: say("sorry"), next: "answered" },
        end("answered", t("flowStart.answered")),
        end("silent", t("flowStart.silent")),
      ];
    case "reminder":
      return [
        { id: "first", kind: "send", content: say("welcome") },
        { id: "pause", kind: "wait", wait: { for: "2d" } },
        {
          id: "seen",
          kind: "branch",
          branches: [{ rule: { condition: "OR", rules: ["read", "clicked", "replied"].map((value) => ({ field: "steps.first", operator: "equal", value })) }, next: "end" }],
          next: "remind",
        },
        { id: "remind", kind: "send", content: say("remind") },
        end("end", t("flow.ended")),
      ];
  }
}
