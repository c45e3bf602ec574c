// A flow as its page holds it, and the way there and back. What the page does not show is kept as it is.
import type { Schema } from "@/api/client";
import { type Form as Whom, formOf as whomOf, inputOf as inputOfWhom } from "@/campaigns/form";

import type { Step } from "./graph";

type Flow = Schema<"Flow">;

export interface FlowForm {
  name: string;
  steps: Step[];
  /** Its audience enters when the schedule says. */
  enters: boolean;
  /** Channel, audience and schedule, as of a campaign. */
  whom: Whom;
  reentry: Schema<"Reentry">;
  triggers: Schema<"Trigger">[];
  goals: Schema<"Goal">[];
}

export function formOf(f: Flow): FlowForm {
  return {
    name: f.name,
    steps: f.steps ?? [],
    enters: f.audience !== undefined,
    whom: whomOf({ name: f.name, channel_id: f.channel_id, audience: f.audience ?? {}, content: {}, schedule: f.schedule, throttle: f.throttle }),
    reentry: f.reentry ?? {},
    triggers: f.triggers ?? [],
    goals: f.goals ?? [],
  };
}

/** What the server is given to keep. A flow that was started keeps its channel and schedule. */
export function inputOf(f: FlowForm, draft: boolean): Schema<"FlowChange"> {
  const { channel_id, audience, schedule } = inputOfWhom(f.whom);
  return {
    name: f.name,
    steps: f.steps,
    audience: f.enters ? audience : {},
    reentry: f.reentry,
    triggers: f.triggers,
    goals: f.goals,
    ...(draft ? { channel_id: channel_id ?? f.whom.channel, schedule: schedule ?? {} } : {}),
  };
}
