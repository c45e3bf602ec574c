import { Text } from "@mantine/core";
import { useEffect, useState } from "react";

import { useFormat } from "./format";

const tick = 10_000;

/** The time, which goes on while it is shown. */
export function useNow(every = tick): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

interface Props {
  at: string | null | undefined;
  /** The exact time beside the distance. */
  exact?: boolean;
}

/** A time as a distance from now; pointing at it shows it exactly. */
export function When({ at, exact }: Props) {
  const now = useNow();
  const format = useFormat();
  if (!at) return null;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Text component="time" inherit dateTime={at} title={`${format.instant(at)} (${zone})\n${format.instant(at, "UTC")} (UTC)`}>
      {exact ? `${format.instant(at)} · ${format.ago(at, now)}` : format.ago(at, now)}
    </Text>
  );
}
