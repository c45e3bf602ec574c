import type { TFunction } from "i18next";

import { free, type Kind, type Step } from "./graph";

/** A new step of a kind, as nearly complete as it can be; what it lacks the server says. */
export function blank(kind: Kind, steps: readonly Step[], t: TFunction): Step {
  const step: Step = { id: free(steps, kind), kind };
  switch (kind) {
    case "send":
      return { ...step, content: { subject: "", text: "" } };
    case "ask":
      return { ...step, content: { subject: "", text: "" }, question: { type: "text", timeout: "1d" } };
    case "wait":
      return { ...step, wait: { for: "1d" } };
    case "branch":
      return { ...step, branches: [{ share: 50, next: "" }] };
    case "set":
      return { ...step, set: {} };
    case "call":
      return { ...step, call: { url: "" } };
    case "start":
      return step;
    case "end":
      return { ...step, outcome: t("flow.ended") };
  }
}

const shown = (text: string | undefined) => text?.trim().split("\n")[0] ?? "";

/** What a step does, in a few words. */
export function summary(s: Step, t: TFunction): string {
  const { wait, call } = s;
  switch (s.kind) {
    case "send":
    case "ask":
      return s.content?.template ? s.content.template.name : shown(s.content?.subject) || shown(s.content?.text);
    case "wait":
      if (wait?.delivered) return t("flow.untilArrived", { most: wait.at_most ?? "" });
      if (wait?.event) return t("flow.until", { what: wait.event });
      if (wait?.until) return t("flow.until", { what: [wait.until.time, ...(wait.until.weekdays ?? [])].join(" ") });
      return wait?.for ?? "";
    case "branch":
      return t("flow.waysOf", { count: (s.branches?.length ?? 0) + 1 });
    case "set":
      return Object.keys(s.set?.attributes ?? {}).join(", ");
    case "call":
      return call?.url ?? "";
    case "start":
      return s.flow_id ? `#${s.flow_id}` : "";
    case "end":
      return s.outcome ?? "";
  }
}

/** What an exit is called on the canvas and in lists. */
export function exitName(step: Step | undefined, exit: string, t: TFunction): string {
  if (exit === "next") return step?.kind === "branch" ? t("flow.everybodyElse") : step?.exits || step?.kind === "ask" ? t("flow.on") : "";
  const i = exit.startsWith("branch:") ? Number(exit.slice(7)) : -1;
  if (i < 0) {
    const [name, reason] = exit.split(":");
    const why = t(`flow.exit.${name as "timeout" | "invalid" | "skipped" | "failed"}`);
    return reason ? `${why}: ${reason}` : why;
  }
  const share = step?.branches?.[i]?.share;
  return share ? `${share} %` : t("flow.way", { n: i + 1 });
}
