// The drawing of a chart: uPlot with the console's colors. It is loaded where a chart is shown.
import "uplot/dist/uPlot.min.css";

import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { type Line, type Step, strokeOf, timeOf, type Unit, valueOf } from "./chart";
import { useFormat } from "./format";

interface PlotProps {
  at: readonly string[];
  lines: readonly Line[];
  step: Step;
  unit: Unit;
  zone?: string | undefined;
  height: number;
  /** Changes with the color scheme, with which it is drawn anew. */
  scheme: string;
  /** The time that is looked at. */
  cursor: number | undefined;
  look: (at: number | undefined) => void;
}

const least = 48; // px between two times that are written

/** A color of the page as it is now, such as that of a page that is printed. */
const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export default function Plot({ at, lines, step, unit, zone, height, scheme, cursor, look }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const format = useFormat();

  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const axis: uPlot.Axis = { stroke: () => color("--mantine-color-dimmed"), grid: { stroke: "#868e9633", width: 1 }, ticks: { stroke: "#868e9633", width: 1 } };
    const fine = step === "minute" || step === "hour";
    const made = new uPlot(
      {
        width: parent.clientWidth,
        height,
        padding: [8, 40, 0, 0], // room for the half of the last day's name
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        select: { show: false, left: 0, top: 0, width: 0, height: 0 },
        ...(zone ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), zone) } : {}),
        scales: { y: { range: (_, __, max) => [0, Math.max(max, unit === "share" ? 0.01 : 1) * 1.05] } },
        axes: [
          {
            ...axis,
            space: least * 2,
            values: (_, splits) =>
              splits.map((seconds, i) => {
                const when = new Date(seconds * 1000);
                const day = format.date(when, zone);
                const before = splits[i - 1];
                return fine && before !== undefined && day === format.date(new Date(before * 1000), zone) ? format.time(when, zone) : day;
              }),
          },
          {
            ...axis,
            size: 64,
            ...(unit === "count" ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1e8] } : {}),
            values: (_, splits) => splits.map((value) => valueOf(value, unit, format)),
          },
        ],
        series: [
          { value: (_, seconds) => timeOf(new Date(seconds * 1000).toISOString(), step, format, zone) },
          ...lines.map((line, n) => {
            const stroke = strokeOf(lines, n);
            return { label: line.label, stroke: stroke.color, width: 2, dash: stroke.dash, points: { show: at.length < 40, size: 6 } };
          }),
        ],
        hooks: { setCursor: [(u) => look(u.cursor.idx ?? undefined)] },
      },
      [at.map((time) => Date.parse(time) / 1000), ...lines.map((line) => [...line.values])],
      parent,
    );
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height }));
    sizes.observe(parent);
    const paper = window.matchMedia("print");
    const draw = () => made.redraw();
    paper.addEventListener("change", draw);
    return () => {
      paper.removeEventListener("change", draw);
      sizes.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [at, lines, step, unit, zone, height, scheme, format, look]);

  // The keyboard moves what the mouse would.
  useEffect(() => {
    const u = plot.current;
    if (!u || cursor === undefined || u.cursor.idx === cursor) return;
    const time = u.data[0][cursor];
    if (time !== undefined) u.setCursor({ left: u.valToPos(time, "x"), top: 0 }, false);
  }, [cursor]);

  return <div ref={place} style={{ height, overflow: "hidden" }} />;
}
