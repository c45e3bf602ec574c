import { type Problem } from "@/api/problem";

import { type Form } from "./form";

/** A section of the page shows a part of the form, changes it, and says what the server found wrong with it. */
export interface SectionProps {
  form: Form;
  set: (change: Partial<Form>) => void;
  problem: Problem | undefined;
}
