import { Text } from "@mantine/core";
import { useEffect, useState } from "react";

import { useFormat } from "./format";
import { zoneHere } from "./here";

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
  return (
    <Text component="time" inherit dateTime={at} title={`${format.instant(at)} (${zoneHere()})\n${format.instant(at, "UTC")} (UTC)`}>
      {exact ? `${format.instant(at)} · ${format.ago(at, now)}` : format.ago(at, now)}
    </Text>
  );
}
