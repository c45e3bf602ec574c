import { Box, Button, Group, Loader, Stack, Text, useComputedColorScheme } from "@mantine/core";
import { lazy, Suspense, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";

import { highest, type Line, moved, type Step, strokeOf, timeOf, type Unit, valueOf } from "./chart";
import { useFormat } from "./format";
import { Rows } from "./Rows";

const Plot = lazy(() => import("./Plot"));

interface Props {
  label: string;
  /** Instants, in order. */
  at: readonly string[];
  lines: readonly Line[];
  step: Step;
  unit?: Unit;
  /** On whose clock times are written; the browser's if absent. */
  zone?: string | undefined;
  height?: number;
}

/**
 * Values over time. Arrow keys go through them, and a table says the same. Keep `at` and `lines` the same between two
 * renders (useMemo): the chart is drawn anew where they change.
 */
export function Chart({ label, at, lines, step, unit = "count", zone, height = 240 }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const scheme = useComputedColorScheme();
  const [table, setTable] = useState(false);
  const [cursor, setCursor] = useState<number>();
  const look = useCallback((n: number | undefined) => setCursor(n), []);
  const time = (n: number) => timeOf(at[n] ?? "", step, format, zone);
  const value = (line: Line, n: number) => valueOf(line.values[n], unit, format);
  const peaks = lines.flatMap((line) => {
    const n = highest(line);
    return n === undefined ? [] : [t("chart.peak", { line: line.label, value: value(line, n), at: time(n) })];
  });
  const known = cursor !== undefined && cursor < at.length ? cursor : undefined;
  const said = known === undefined ? peaks.join(" ") : `${time(known)}: ${lines.map((line) => `${line.label} ${value(line, known)}`).join(", ")}`;
  if (at.length === 0) return null;
  return (
    <Stack gap="xs">
      {table ? (
        <Rows<number>
          label={label}
          rows={at.map((_, n) => n)}
          id={(n) => n}
          empty={null}
          columns={[
            { key: "at", label: t("chart.when"), cell: time },
            ...lines.map((line, i) => ({ key: String(i), label: line.label, numbers: true, cell: (n: number) => value(line, n) })),
          ]}
        />
      ) : (
        <Box
          role="slider"
          tabIndex={0}
          aria-label={label}
          aria-valuemin={1}
          aria-valuemax={at.length}
          aria-valuenow={(known ?? 0) + 1}
          aria-valuetext={said}
          aria-roledescription={t("chart.chart")}
          onKeyDown={(e) => {
            const to = moved(e.key, known, at.length);
            if (to === undefined) return;
            e.preventDefault();
            setCursor(to);
          }}
        >
          <Suspense fallback={<Loader size="sm" h={height} aria-label={t("common.loading")} />}>
            <Plot at={at} lines={lines} step={step} unit={unit} zone={zone} height={height} scheme={scheme} cursor={known} look={look} />
          </Suspense>
        </Box>
      )}
      <Group justify="space-between" align="flex-start">
        <Group gap="md" aria-hidden={table}>
          {!table && known !== undefined && <Text size="sm">{time(known)}</Text>}
          {!table &&
            lines.map((line, n) => (
              <Group key={line.label} gap={6} wrap="nowrap">
                <Swatch lines={lines} n={n} />
                <Text size="sm">
                  {line.label}
                  {known !== undefined && ` ${value(line, known)}`}
                </Text>
              </Group>
            ))}
        </Group>
        <Button size="compact-xs" variant="default" className="unprinted" onClick={() => setTable(!table)}>
          {table ? t("chart.asChart") : t("chart.asTable")}
        </Button>
      </Group>
    </Stack>
  );
}

/** How a line is drawn. */
function Swatch({ lines, n }: { lines: readonly Line[]; n: number }) {
  const { color, dash } = strokeOf(lines, n);
  return (
    <svg width={28} height={8} aria-hidden="true">
      <line x1={0} x2={28} y1={4} y2={4} stroke={color} strokeWidth={3} strokeDasharray={dash.join(" ")} />
    </svg>
  );
}
