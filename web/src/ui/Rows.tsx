import { Button, Group, Loader, Table } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Failure } from "./Failure";

export interface Column<T> {
  key: string;
  label: string;
  cell: (row: T) => ReactNode;
  /** Aligned by its digits. */
  numbers?: boolean;
  /** Left out where the window is narrow. */
  wide?: boolean;
  /** How wide it is in a long list, where columns have the same width otherwise. */
  width?: number | string;
}

/** How the cells of a column are shown. */
export const shown = (c: Pick<Column<unknown>, "wide" | "numbers">) => ({
  ...(c.wide ? { visibleFrom: "sm" as const } : {}),
  ...(c.numbers ? { className: "numbers" } : {}),
});

interface Props<T> {
  label: string;
  rows: T[] | undefined;
  id: (row: T) => number | string;
  columns: Column<T>[];
  error?: unknown;
  /** In the place of a table without rows. */
  empty: ReactNode;
  more?: { has: boolean; busy: boolean; load: () => void } | undefined;
}

/** A dense table of a list, which is read page by page. */
export function Rows<T>({ label, rows, id, columns, error, empty, more }: Props<T>) {
  const { t } = useTranslation();
  if (error) return <Failure error={error} />;
  if (!rows) return <Loader size="sm" aria-label={t("common.loading")} />;
  if (rows.length === 0) return empty;
  return (
    <>
      <Table.ScrollContainer minWidth={0} scrollAreaProps={{ viewportProps: { tabIndex: 0, role: "region", "aria-label": label } }}>
        <Table aria-label={label} highlightOnHover verticalSpacing={6} striped="even" stickyHeader>
          <Table.Thead>
            <Table.Tr>
              {columns.map((c) => (
                <Table.Th key={c.key} {...shown(c)}>
                  {c.label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={id(row)}>
                {columns.map((c) => (
                  <Table.Td key={c.key} {...shown(c)}>
                    {c.cell(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {more?.has && (
        <Group justify="center" mt="sm">
          <Button variant="default" onClick={more.load} loading={more.busy}>
            {t("common.more")}
          </Button>
        </Group>
      )}
    </>
  );
}
