import { Box, Loader, Table } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import { Fragment, memo, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { type Asks, queries } from "@/api/client";

import { Failure } from "./Failure";
import { Head, shown } from "./Head";
import { begins, count, type Known, learn, near, nothing, type Paged, pagesOf, pageSize, room } from "./long";
import { useLook } from "./look";
import type { Column } from "./Rows";

const rowHeights = { roomy: 36, dense: 28 }; // px
const beyond = 15; // rows that are there above and below those in sight
const keptFor = 2000; // ms that a page out of sight is held

interface Props<T> {
  label: string;
  /** Under which its place is remembered: what is asked for, as text. Another list has to be another component: give it as its key, too. */
  name: string;
  /** Asks for the page behind a cursor. */
  page: (cursor: string) => Asks<Paged<T>>;
  id: (row: T) => number | string;
  columns: Column<T>[];
  /** How many there are in all, where that is known. */
  total?: number | undefined;
  empty: ReactNode;
}

/** What is kept of a list for who comes back to it. */
interface Place {
  known: Known;
  begin: number;
}

/**
 * A table of a list of any length. It reads further as one scrolls, and holds the pages in sight alone; where one has
 * been is found again by going back.
 */
export function LongRows<T>({ label, name, page, id, columns, total, empty }: Props<T>) {
  const { t } = useTranslation();
  const place = queries.getQueryData<Place>(["long", name]);
  const [known, setKnown] = useState(place?.known ?? nothing);
  const [begin, setBegin] = useState(place?.begin ?? 0);
  const [top, setTop] = useState(0);
  const [focused, setFocused] = useState<number>();
  const box = useRef<HTMLDivElement>(null);
  const rowHeight = useLook((look) => rowHeights[look.dense ? "dense" : "roomy"]);
  const virtual = useWindowVirtualizer({
    count: Math.max(0, Math.min(count(known) - begin, room)),
    estimateSize: () => rowHeight,
    overscan: beyond,
    scrollMargin: top,
    // A row that has the focus stays, however far one scrolls.
    rangeExtractor: (range) => {
      const rows = defaultRangeExtractor(range);
      const held = focused === undefined ? -1 : focused - begin;
      return held < 0 || held >= range.count || rows.includes(held) ? rows : [...rows, held].sort((a, b) => a - b);
    },
  });
  const rows = virtual.getVirtualItems();
  const wanted = pagesOf(known, rows.length > 0 ? rows.map(({ index }) => begin + index) : [0]);
  const read = useQueries({ queries: wanted.map((n) => ({ ...page(known.cursors[n] ?? ""), gcTime: keptFor })) });
  const pages = new Map(wanted.map((n, i) => [n, read[i]?.data]));

  const next = wanted.reduce((before, n) => {
    const got = pages.get(n);
    return got && n < before.cursors.length ? learn(before, n, got) : before;
  }, known);
  if (next !== known) setKnown(next);
  useEffect(() => {
    queries.setQueryData<Place>(["long", name], { known, begin });
  }, [name, known, begin]);

  // Who has scrolled stays at the row where they are when rows become lower or higher: once the table is as high as that makes it.
  const height = useRef(rowHeight);
  const back = useRef<number>(undefined);
  const high = virtual.getTotalSize();
  useLayoutEffect(() => {
    if (height.current === rowHeight) return;
    const above = Math.max(0, window.scrollY - top);
    back.current = window.scrollY - above + (above * rowHeight) / height.current;
    height.current = rowHeight;
    virtual.measure();
  }, [rowHeight, top, virtual]);

  // The room moves on below who scrolls, and what is in sight stays where it is.
  const seen = useRef(0);
  const first = virtual.range?.startIndex ?? 0;
  const last = virtual.range?.endIndex ?? 0;
  useLayoutEffect(() => {
    if (back.current !== undefined) return; // rows have become lower or higher
    if (first === seen.current) return; // nobody has scrolled, as where one comes back
    const leapt = Math.abs(first - seen.current) > near;
    const moved = begins(begin, count(known), { first, last, leapt });
    seen.current = first;
    if (moved === begin) return;
    setBegin(moved);
    if (leapt) return;
    seen.current = first + begin - moved;
    window.scrollBy({ top: (begin - moved) * rowHeight, behavior: "instant" });
  }, [begin, known, first, last, rowHeight]);

  useLayoutEffect(() => {
    if (back.current === undefined) return;
    window.scrollTo({ top: back.current, behavior: "instant" });
    back.current = undefined;
    seen.current = first;
  }, [high, first]);

  // Where the list begins changes with what is above it.
  useEffect(() => {
    const measure = () => {
      if (box.current) setTop(Math.round(box.current.getBoundingClientRect().top + window.scrollY));
    };
    const sizes = new ResizeObserver(measure);
    sizes.observe(document.body);
    return () => sizes.disconnect();
  }, []);

  const error = read.find((r) => r.error)?.error;
  if (error) return <Failure error={error} again={() => void Promise.all(read.map((r) => r.refetch()))} />;
  if (known.rows === 0) return empty;
  if (known === nothing && !pages.get(0)) return <Loader size="sm" aria-label={t("common.loading")} />;
  const ends = rows.map((row, i) => ({ row, gap: row.start - (rows[i - 1]?.end ?? top) }));
  const all = known.rows ?? total;
  return (
    <Box ref={box}>
      <Table
        aria-label={label}
        aria-rowcount={all === undefined ? -1 : all + 1}
        className="long"
        style={{ "--row": `${rowHeight}px` }}
        highlightOnHover
        layout="fixed"
        stickyHeader
        stickyHeaderOffset={52}
        onBlur={() => setFocused(undefined)}
      >
        <Head columns={columns} widens row={1} />
        <Table.Tbody>
          {ends.map(({ row: { index: at }, gap }) => {
            const index = begin + at;
            const row = pages.get(Math.floor(index / pageSize))?.items?.[index % pageSize];
            return (
              <Fragment key={row === undefined ? `row ${index}` : id(row)}>
                {gap > 0 && <Space height={gap} columns={columns.length} />}
                <Line row={row} index={index} columns={columns} focus={setFocused} />
              </Fragment>
            );
          })}
          <Space height={high + top - (rows.at(-1)?.end ?? top)} columns={columns.length} />
        </Table.Tbody>
      </Table>
    </Box>
  );
}

/** A row, which is drawn once however long it is in sight. */
const Line = memo(function Line<T>({ row, index, columns, focus }: { row: T | undefined; index: number; columns: Column<T>[]; focus: (index: number) => void }) {
  return (
    <Table.Tr aria-rowindex={index + 2} onFocus={() => focus(index)}>
      {columns.map((c) => (
        <Table.Td key={c.key} {...shown(c)}>
          {row === undefined ? "…" : c.cell(row)}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}) as <T>(props: { row: T | undefined; index: number; columns: Column<T>[]; focus: (index: number) => void }) => ReactNode;

/** The room of rows that are not there. */
function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td colSpan={columns} style={{ height, padding: 0 }} />
    </tr>
  );
}
