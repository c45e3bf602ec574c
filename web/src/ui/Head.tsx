import { Table } from "@mantine/core";
import { type CSSProperties, type KeyboardEvent, type PointerEvent, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { bounds, moved, sharesOf } from "./columns";
import { setShares, useLook } from "./look";
import type { Column } from "./Rows";

const step = 2; // percent of the table that an arrow moves a line by

/** How the cells of a column are shown. */
export const shown = (c: Pick<Column<unknown>, "wide" | "numbers">) => ({
  ...(c.wide ? { visibleFrom: "sm" as const } : {}),
  ...(c.numbers ? { className: "numbers" } : {}),
});

/** The shares of the cells of a row as they are drawn. */
const drawnIn = (row: HTMLTableRowElement | null) => sharesOf([...(row?.cells ?? [])].map((cell) => cell.getBoundingClientRect().width));

type Named = Pick<Column<unknown>, "key" | "label" | "wide" | "numbers" | "width">;

/** The head of a table. Where columns can be widened, a line behind each is moved by the mouse and by the arrows. */
export function Head({ columns, widens, row }: { columns: readonly Named[]; widens: boolean; row?: number | undefined }) {
  const name = columns.map((c) => c.key).join(" ");
  const found = useLook(({ shares }) => shares[name]);
  const kept = widens && found?.length === columns.length ? found : undefined;
  const head = useRef<HTMLTableRowElement>(null);
  const [drawn, setDrawn] = useState<readonly number[]>();
  const measure = () => drawnIn(head.current);
  useLayoutEffect(() => {
    const row = head.current;
    if (!widens || !row) return;
    const sizes = new ResizeObserver(() => setDrawn(drawnIn(row)));
    for (const cell of row.cells) sizes.observe(cell);
    return () => sizes.disconnect();
  }, [widens, name]);
  const shares = kept ?? drawn;
  return (
    <Table.Thead>
      <Table.Tr ref={head} {...(row === undefined ? {} : { "aria-rowindex": row })}>
        {columns.map((c, i) => {
          const { className = "", ...rest } = shown(c);
          const line = widens && i < columns.length - 1;
          const style = { "--width": typeof c.width === "number" ? `${c.width}px` : c.width, "--share": kept && `${kept[i]}%` } as CSSProperties;
          return (
            <Table.Th key={c.key} {...rest} className={`${className} ${kept ? "column kept" : "column"}`} style={style} {...(line ? { "aria-label": c.label } : {})}>
              {c.label}
              {line && (
                <Line label={c.label} shares={shares} at={i} measure={measure} move={(to) => setShares(name, moved(measure(), i, to))} undo={() => setShares(name, undefined)} />
              )}
            </Table.Th>
          );
        })}
      </Table.Tr>
    </Table.Thead>
  );
}

interface LineProps {
  label: string;
  shares: readonly number[] | undefined;
  /** Behind which column it is. */
  at: number;
  /** The shares as they are drawn now. */
  measure: () => number[];
  /** Gives the column a share. */
  move: (to: number) => void;
  /** Leaves the widths to the table again. */
  undo: () => void;
}

/** The line behind a column, after the pattern of a window splitter. */
function Line({ label, shares, at, measure, move, undo }: LineProps) {
  const { t } = useTranslation();
  const from = useRef<{ x: number; share: number; whole: number }>(undefined);
  const range = shares && bounds(shares, at);
  const key = (e: KeyboardEvent) => {
    const now = measure();
    const own = now[at] ?? 0;
    const to = { ArrowLeft: own - step, ArrowRight: own + step, Home: bounds(now, at).min, End: bounds(now, at).max }[e.key];
    if (to !== undefined) move(to);
    else if (e.key === "Enter") undo();
    else return;
    e.preventDefault();
  };
  const drag = (e: PointerEvent) => {
    if (from.current) move(from.current.share + (100 * (e.clientX - from.current.x)) / from.current.whole);
  };
  return (
    <span
      className="line"
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t("table.widen", { column: label })}
      aria-valuenow={Math.round(shares?.[at] ?? 0)}
      aria-valuemin={Math.floor(range?.min ?? 0)}
      aria-valuemax={Math.ceil(range?.max ?? 100)}
      title={t("table.widenHint")}
      onKeyDown={key}
      onDoubleClick={undo}
      onPointerDown={(e) => {
        e.currentTarget.setPointerCapture(e.pointerId);
        from.current = { x: e.clientX, share: measure()[at] ?? 0, whole: e.currentTarget.closest("tr")?.getBoundingClientRect().width ?? 1 };
      }}
      onPointerMove={drag}
      onPointerUp={() => (from.current = undefined)}
      onPointerCancel={() => (from.current = undefined)}
    />
  );
}
