import { Loader, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";

import { Funnel } from "@/ui/Bars";
import type { Line } from "@/ui/chart";
import { Chart } from "@/ui/Chart";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";

import { Arrivals, Reasons } from "./bars";
import type { Interval, Span } from "./range";
import { useStats, useWindows } from "./read";
import { alongside, changeOf, type Row, seriesOf, totalOf } from "./series";
import { Figures } from "./Figures";
import { type View, type ViewID, views } from "./views";

interface Props {
  id: Exclude<ViewID, "hours" | "notes">;
  span: Span;
  /** The time that it is compared with, if any. */
  earlier: Span | undefined;
  interval: Interval;
  zone: string;
}

/** A view: its totals, its course, and the figures of which they are made. */
export function ViewOf({ id, span, earlier, interval, zone }: Props) {
  const { t } = useTranslation();
  const view = views[id];
  const label = useLabel(view);
  const course = useStats(view.subject, span, interval);
  const windows = useWindows(span, interval);
  // Of what has windows alone the table shows these.
  const whole = useStats(view.subject, span, view.of ? "all" : interval);
  const past = useStats(view.subject, earlier, interval);
  const pastWindows = useWindows(earlier, interval);
  const error = course.error ?? windows.error ?? whole.error ?? past.error ?? pastWindows.error;
  if (error) return <Failure error={error} again={course.again} />;
  if (!course.rows || !windows.starts || !whole.rows || (earlier && (!past.rows || !pastWindows.starts))) return <Loader size="sm" aria-label={t("common.loading")} />;
  // A person is counted once in each window, and the windows don't add up.
  const adds = id !== "people";
  if (view.lines.every((key) => totalOf(course.rows ?? [], key) === 0) && whole.rows.every((row) => view.metrics.every(({ key }) => !row[key]))) {
    return <Empty title={t("stats.nothing")}>{t("stats.nothingHint")}</Empty>;
  }
  return (
    <Stack>
      {adds && <Totals view={view} rows={course.rows} past={earlier && past.rows} />}
      <Part title={t("stats.course")}>
        <Course view={view} rows={course.rows} starts={windows.starts} past={earlier && past.rows} pastStarts={pastWindows.starts} interval={interval} zone={zone} />
      </Part>
      {view.funnel && (
        <Part title={t("stats.funnel")}>
          <Funnel label={t("stats.funnel")} steps={view.funnel.map((key) => ({ key, label: label(key), value: totalOf(course.rows ?? [], key) }))} />
        </Part>
      )}
      {id === "errors" && <Reasons rows={whole.rows} />}
      {id === "arrivals" && <Arrivals rows={whole.rows} />}
      <Part title={t(`stats.view.${id}`)}>
        <Figures view={view} id={id} rows={whole.rows} zone={zone} interval={interval} />
      </Part>
    </Stack>
  );
}

/** What a view's metrics are called. */
function useLabel(view: View): (key: string) => string {
  const { t } = useTranslation();
  return useCallback(
    (key) => {
      const metric = view.metrics.find((m) => m.key === key);
      return metric ? t(metric.label) : key;
    },
    [view, t],
  );
}

/** What was counted in all, and in the time before. */
function Totals({ view, rows, past }: { view: View; rows: readonly Row[]; past: readonly Row[] | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const label = useLabel(view);
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, md: 5 }} component="dl" m={0}>
      {view.lines.map((key) => {
        const total = totalOf(rows, key);
        const was = past && totalOf(past, key);
        const change = was === undefined ? undefined : changeOf(total, was);
        return (
          <Paper key={key} withBorder p="sm">
            <Text component="dt" size="sm" c="dimmed">
              {label(key)}
            </Text>
            <Text component="dd" m={0} fz="xl" fw={600}>
              {format.number(total)}
            </Text>
            {was !== undefined && (
              <Text component="dd" m={0} size="sm">
                {t("stats.before", { n: format.number(was) })}
                {change !== undefined && ` (${change > 0 ? "+" : ""}${format.percent(change)})`}
              </Text>
            )}
          </Paper>
        );
      })}
    </SimpleGrid>
  );
}

interface CourseProps {
  view: View;
  rows: readonly Row[];
  starts: readonly string[];
  past: readonly Row[] | undefined;
  pastStarts: readonly string[] | undefined;
  interval: Interval;
  zone: string;
}

function Course({ view, rows, starts, past, pastStarts, interval, zone }: CourseProps) {
  const { t } = useTranslation();
  const label = useLabel(view);
  const at = starts.join(" ");
  const lines = useMemo<Line[]>(() => {
    const first = view.lines[0];
    const compared = past && pastStarts && first ? [{ key: first, values: seriesOf(past, pastStarts, first) }] : [];
    return [
      ...view.lines.map((key) => ({ label: label(key), values: seriesOf(rows, at.split(" "), key) })),
      ...compared.map(({ key, values }) => ({ label: t("stats.lineBefore", { line: label(key) }), values: alongside(values, at.split(" ").length), faint: true })),
    ];
  }, [view, rows, at, past, pastStarts, label, t]);
  const times = useMemo(() => at.split(" "), [at]);
  return <Chart label={t("stats.courseOf", { what: t(`stats.view.${view.subject}`) })} at={times} lines={lines} step={interval} zone={zone} />;
}
