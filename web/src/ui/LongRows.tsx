import { Box, Loader, Table, Text } from "@mantine/core";
import { type QueryFunctionContext, useQueries } from "@tanstack/react-query";
import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import { Fragment, type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { queries } from "@/api/client";

import { Failure } from "./Failure";
import { useFormat } from "./format";
import { count, type Known, learn, most, nothing, type Paged, pagesOf, pageSize } from "./long";
import { type Column, shown } from "./Rows";

const rowHeight = 36; // px; app.css says the same of .long
const beyond = 15; // rows that are there above and below those in sight
const keptFor = 2000; // ms that a page out of sight is held

/** How a page is asked for, such as by api.queryOptions. */
export interface Asks<T> {
  queryKey: readonly unknown[];
  // As a method it may know more of its key.
  queryFn(context: QueryFunctionContext): Paged<T> | Promise<Paged<T>>;
}

interface Props<T> {
  label: string;
  /** Under which its place is remembered: what is asked for, as text. Another list has to be another component: give it as its key, too. */
  name: string;
  /** Asks for the page behind a cursor. */
  page: (cursor: string) => Asks<T>;
  id: (row: T) => number | string;
  columns: Column<T>[];
  /** How many there are in all, where that is known. */
  total?: number | undefined;
  empty: ReactNode;
}

/**
 * A table of a list of any length. It reads further as one scrolls, and holds the pages in sight alone; where one has
 * been is found again by going back.
 */
export function LongRows<T>({ label, name, page, id, columns, total, empty }: Props<T>) {
  const { t } = useTranslation();
  const format = useFormat();
  const kept = ["long", name];
  const [known, setKnown] = useState(() => queries.getQueryData<Known>(kept) ?? nothing);
  const [top, setTop] = useState(0);
  const [focused, setFocused] = useState<number>();
  const virtual = useWindowVirtualizer({
    count: count(known),
    estimateSize: () => rowHeight,
    overscan: beyond,
    scrollMargin: top,
    // A row that has the focus stays, however far one scrolls.
    rangeExtractor: (range) => {
      const rows = defaultRangeExtractor(range);
      return focused === undefined || focused >= range.count || rows.includes(focused) ? rows : [...rows, focused].sort((a, b) => a - b);
    },
  });
  const rows = virtual.getVirtualItems();
  const wanted = pagesOf(known, rows.length > 0 ? rows.map(({ index }) => index) : [0]);
  const read = useQueries({ queries: wanted.map((n) => ({ ...page(known.cursors[n] ?? ""), gcTime: keptFor })) });
  const pages = new Map(wanted.map((n, i) => [n, read[i]?.data]));

  const next = wanted.reduce((before, n) => {
    const got = pages.get(n);
    return got && n < before.cursors.length ? learn(before, n, got) : before;
  }, known);
  if (next !== known) setKnown(next);
  useEffect(() => {
    queries.setQueryData(["long", name], known);
  }, [name, known]);

  const error = read.find((r) => r.error)?.error;
  if (error) return <Failure error={error} again={() => void Promise.all(read.map((r) => r.refetch()))} />;
  if (known.rows === 0) return empty;
  if (known === nothing && !pages.get(0)) return <Loader size="sm" aria-label={t("common.loading")} />;
  const ends = rows.map((row, i) => ({ row, gap: row.start - (rows[i - 1]?.end ?? top) }));
  const all = known.rows ?? total;
  return (
    <Box
      ref={(box) => {
        if (box) setTop(Math.round(box.getBoundingClientRect().top + window.scrollY));
      }}
    >
      <Table
        aria-label={label}
        aria-rowcount={all === undefined ? -1 : all + 1}
        className="long"
        highlightOnHover
        layout="fixed"
        stickyHeader
        stickyHeaderOffset={52}
        onBlur={() => setFocused(undefined)}
      >
        <Table.Thead>
          <Table.Tr aria-rowindex={1}>
            {columns.map((c) => (
              <Table.Th key={c.key} {...shown(c)} w={c.width}>
                {c.label}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {ends.map(({ row: { index }, gap }) => {
            const row = pages.get(Math.floor(index / pageSize))?.items?.[index % pageSize];
            return (
              <Fragment key={row === undefined ? `row ${index}` : id(row)}>
                {gap > 0 && <Space height={gap} columns={columns.length} />}
                <Table.Tr aria-rowindex={index + 2} onFocus={() => setFocused(index)}>
                  {columns.map((c) => (
                    <Table.Td key={c.key} {...shown(c)}>
                      {row === undefined ? "…" : c.cell(row)}
                    </Table.Td>
                  ))}
                </Table.Tr>
              </Fragment>
            );
          })}
          <Space height={virtual.getTotalSize() + top - (rows.at(-1)?.end ?? top)} columns={columns.length} />
        </Table.Tbody>
      </Table>
      {count(known) === most && (
        <Text size="sm" c="dimmed">
          {t("common.most", { n: format.number(most) })}
        </Text>
      )}
    </Box>
  );
}

/** The room of rows that are not there. */
function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td colSpan={columns} style={{ height, padding: 0 }} />
    </tr>
  );
}
