import { Group, Text, VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { useFormat } from "@/ui/format";

interface Day {
  start: string;
  sent: number;
  failed: number;
}

const day = 24 * 3600 * 1000; // ms

/** Adds the channels of each day up, from a day to another, also those on which nothing was sent. */
export function byDay(rows: readonly Pick<Schema<"ChannelRow">, "start" | "sent" | "failed" | "rejected">[], from: string, to: string): Day[] {
  const days = new Map<string, Day>();
  for (let at = Date.parse(from); at <= Date.parse(to); at += day) {
    const start = new Date(at).toISOString().slice(0, 10);
    days.set(start, { start, sent: 0, failed: 0 });
  }
  for (const row of rows) {
    const start = row.start.slice(0, 10);
    const of = days.get(start) ?? { start, sent: 0, failed: 0 };
    of.sent += row.sent;
    of.failed += row.failed + row.rejected;
    days.set(start, of);
  }
  return [...days.values()].sort((a, b) => a.start.localeCompare(b.start));
}

const height = 96; // px

/** A bar for each day: what was sent, and on top of it what failed. A table says the same to who does not see it. */
export function Days({ rows, from, to }: { rows: Schema<"ChannelRow">[]; from: string; to: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const days = byDay(rows, from, to);
  const most = Math.max(1, ...days.map((d) => d.sent + d.failed));
  const sum = (of: (d: Day) => number) => days.reduce((n, d) => n + of(d), 0);
  if (rows.length === 0) return <Text c="dimmed">{t("home.nothingSent")}</Text>;
  const width = 100 / days.length;
  return (
    <>
      <svg width="100%" height={height} aria-hidden="true">
        {days.map((d, i) => {
          const sent = (d.sent / most) * height;
          const failed = (d.failed / most) * height;
          return (
            <g key={d.start}>
              <title>{`${d.start}: ${format.number(d.sent)} · ${format.number(d.failed)}`}</title>
              <rect x={`${i * width}%`} y={height - sent} width={`${width * 0.8}%`} height={sent} fill="var(--mantine-color-cyan-8)" />
              <rect x={`${i * width}%`} y={height - sent - failed} width={`${width * 0.8}%`} height={failed} fill="var(--mantine-color-red-8)" />
            </g>
          );
        })}
      </svg>
      <Group gap="lg">
        <Text size="sm">{t("home.sent", { n: format.number(sum((d) => d.sent)) })}</Text>
        <Text size="sm">{t("home.failed", { n: format.number(sum((d) => d.failed)) })}</Text>
      </Group>
      <VisuallyHidden>
        <table>
          <caption>{t("home.lastDays")}</caption>
          <tbody>
            {days.map((d) => (
              <tr key={d.start}>
                <th scope="row">{d.start}</th>
                <td>{format.number(d.sent)}</td>
                <td>{format.number(d.failed)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </VisuallyHidden>
    </>
  );
}
