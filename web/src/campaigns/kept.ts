import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useEffectEvent, useRef, useState } from "react";

import { client, refresh, type Schema } from "@/api/client";
import { Problem } from "@/api/problem";

import { type Form, inputOf } from "./form";

const pause = 700; // ms after the last change until it is kept

/** Keeps a form a moment after it was changed: first as a new draft, then as a change of it. Changes are kept one after the other. */
export function useKept(form: Form, complete: (form: Form) => boolean, kept: Schema<"Campaign"> | undefined, setKept: (made: Schema<"Campaign">) => void) {
  const [settled] = useDebouncedValue(form, pause);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const last = useRef(kept ? JSON.stringify(inputOf(form)) : "");
  const made = useRef(kept);
  const queue = useRef<Promise<unknown>>(Promise.resolve());

  const save = (what: Form): Promise<Schema<"Campaign">> => {
    const turn = queue.current.then(async () => {
      const body = inputOf(what);
      const text = JSON.stringify(body);
      if (made.current && text === last.current) return made.current;
      setBusy(true);
      try {
        const { data } = made.current
          ? await client.PATCH("/v1/campaigns/{id}", { params: { path: { id: made.current.id } }, body })
          : await client.POST("/v1/campaigns", { body });
        if (!data) throw new Problem({ code: "internal", status: 0, detail: "" });
        made.current = data;
        last.current = text;
        setKept(data);
        setError(null);
        await refresh("/v1/campaigns");
        return data;
      } catch (e) {
        setError(e);
        throw e;
      } finally {
        setBusy(false);
      }
    });
    queue.current = turn.catch(() => undefined); // whoever waits for this turn is told; the next one goes on
    return turn;
  };

  const keep = useEffectEvent((what: Form) => {
    if (complete(what)) save(what).catch(() => undefined); // the error is shown
  });
  useEffect(() => keep(settled), [settled]);

  // Whoever closes the page meanwhile is asked.
  const unsaved = busy || settled !== form;
  useEffect(() => {
    if (!unsaved) return;
    const stay = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", stay);
    return () => window.removeEventListener("beforeunload", stay);
  }, [unsaved]);

  return { busy: unsaved, error, now: () => save(form) };
}
