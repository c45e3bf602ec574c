// How somebody wants tables to look: kept in their browser, and the same in all of its windows.
import { useSyncExternalStore } from "react";

import { type Look, lookOf } from "./columns";

const key = "carillon-look";

let look = lookOf(window.localStorage.getItem(key));
const told = new Set<() => void>();

function become(next: Look): void {
  look = next;
  for (const tell of told) tell();
}

window.addEventListener("storage", (e) => {
  if (e.key === key) become(lookOf(e.newValue));
});

export function setLook(change: Partial<Look>): void {
  become({ ...look, ...change });
  window.localStorage.setItem(key, JSON.stringify(look));
}

/** The shares of a table's columns; undefined leaves them to the table. */
export function setShares(columns: string, shares: readonly number[] | undefined): void {
  const others = Object.entries(look.shares).filter(([name]) => name !== columns);
  setLook({ shares: Object.fromEntries(shares ? [...others, [columns, shares]] : others) });
}

function subscribe(tell: () => void): () => void {
  told.add(tell);
  return () => told.delete(tell);
}

/** A part of the look; whoever uses it is drawn anew once it changes. */
export const useLook = <T>(part: (look: Look) => T): T => useSyncExternalStore(subscribe, () => part(look));
