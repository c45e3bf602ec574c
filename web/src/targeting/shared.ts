// What the parts of the builder share.
import type { RefObject } from "react";

import type { Mark } from "./marks";
import type { Field, Path } from "./rule";

export interface Shared {
  fields: readonly Field[];
  marks: readonly Mark[];
  /** The condition that was added just now: whoever adds one goes on with it. */
  freshRef: RefObject<string | undefined>;
}

/** How a condition or group is called: 2.1 is the first in the second. */
export const placeName = (path: Path) => path.map((i) => i + 1).join(".");

/** Marks the button that adds to the group at a path, and the builder that it is in. */
export const addMark = (path: Path) => ({ "data-rule-add": placeName(path) });
export const builderMark = { "data-rule-builder": true };

/** Leads from what is taken away at a path to the group that it was in. */
export function toTheGroup(from: Element, path: Path): void {
  from.closest("[data-rule-builder]")?.querySelector<HTMLElement>(`[data-rule-add="${placeName(path.slice(0, -1))}"]`)?.focus();
}
