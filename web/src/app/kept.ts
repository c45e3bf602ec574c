import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useEffectEvent, useRef, useState } from "react";

import { refresh } from "@/api/client";
import { Problem } from "@/api/problem";

const pause = 700; // ms after the last change until it is kept

/** How a form becomes something that the server keeps. */
interface Keeping<F, T> {
  /** Reports whether nothing is missing that the server would ask for. */
  complete: (form: F) => boolean;
  /** What the server is given; what is the same is not given again. */
  input: (form: F) => unknown;
  /** Keeps it as a new one, or as a change of what was made. */
  write: (made: T | undefined, form: F) => Promise<T | undefined>;
  /** The list that it is in, which is read anew. */
  path: `/v1/${string}`;
}

/** Keeps a form a moment after it was changed: first as a new draft, then as a change of it. Changes are kept one after the other. */
export function useKept<F, T>(form: F, { complete, input, write, path }: Keeping<F, T>, kept: T | undefined, setKept: (made: T) => void) {
  const [settled] = useDebouncedValue(form, pause);
  // The form as it was when it was last kept or refused.
  const [done, setDone] = useState(kept && form);
  const [error, setError] = useState<unknown>(null);
  const last = useRef(kept ? JSON.stringify(input(form)) : "");
  const made = useRef(kept);
  const queue = useRef<Promise<unknown>>(Promise.resolve());

  const save = (what: F): Promise<T> => {
    const turn = queue.current.then(async () => {
      const text = JSON.stringify(input(what));
      if (made.current && text === last.current) {
        setError(null); // it is again what is kept
        return made.current;
      }
      try {
        const data = await write(made.current, what);
        if (!data) throw new Problem({ code: "internal", status: 0, detail: "" });
        made.current = data;
        last.current = text;
        setKept(data);
        setError(null);
        await refresh(path);
        return data;
      } catch (e) {
        setError(e);
        throw e;
      }
    });
    queue.current = turn.catch(() => undefined).then(() => setDone(what)); // whoever waits for this turn is told; the next one goes on
    return turn;
  };

  const keep = useEffectEvent((what: F) => {
    if (complete(what)) save(what).catch(() => undefined); // the error is shown
  });
  useEffect(() => keep(settled), [settled]);

  // Whoever closes the page meanwhile is asked.
  const unsaved = settled !== form || (done !== form && complete(form));
  useEffect(() => {
    if (!unsaved) return;
    const stay = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", stay);
    return () => window.removeEventListener("beforeunload", stay);
  }, [unsaved]);

  return { busy: unsaved, error, now: () => save(form) };
}
