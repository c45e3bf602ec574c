import { Group, Text, VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { useFormat } from "@/ui/format";

interface Day {
  start: string;
  sent: number;
  failed: number;
}

/** Adds the channels of each day up. */
export function byDay(rows: readonly Pick<Schema<"ChannelRow">, "start" | "sent" | "failed" | "rejected">[]): Day[] {
  const days = new Map<string, Day>();
  for (const row of rows) {
    const day = days.get(row.start) ?? { start: row.start, sent: 0, failed: 0 };
    day.sent += row.sent;
    day.failed += row.failed + row.rejected;
    days.set(row.start, day);
  }
  return [...days.values()].sort((a, b) => a.start.localeCompare(b.start));
}

const height = 96; // px

/** A bar for each day: what was sent, and on top of it what failed. A table says the same to who does not see it. */
export function Days({ rows }: { rows: Schema<"ChannelRow">[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const days = byDay(rows);
  const most = Math.max(1, ...days.map((d) => d.sent + d.failed));
  const sum = (of: (d: Day) => number) => days.reduce((n, d) => n + of(d), 0);
  if (days.length === 0) return <Text c="dimmed">{t("home.nothingSent")}</Text>;
  const width = 100 / Math.max(days.length, 10);
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
