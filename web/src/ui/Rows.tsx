import { Button, Group, Loader, Table } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Failure } from "./Failure";
import { Head, shown } from "./Head";
import { useLook } from "./look";

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

interface Props<T> {
  label: string;
  rows: T[] | undefined;
  id: (row: T) => number | string;
  columns: Column<T>[];
  /** Columns can be widened: for tables in which text is cut. */
  widens?: boolean;
  error?: unknown;
  /** In the place of a table without rows. */
  empty: ReactNode;
  more?: { has: boolean; busy: boolean; load: () => void } | undefined;
}

/** A dense table of a list, which is read page by page. */
export function Rows<T>({ label, rows, id, columns, widens = false, error, empty, more }: Props<T>) {
  const { t } = useTranslation();
  const dense = useLook((look) => look.dense);
  if (error) return <Failure error={error} />;
  if (!rows) return <Loader size="sm" aria-label={t("common.loading")} />;
  if (rows.length === 0) return empty;
  return (
    <>
      <Table.ScrollContainer minWidth={0} scrollAreaProps={{ viewportProps: { tabIndex: 0, role: "region", "aria-label": label } }}>
        <Table aria-label={label} highlightOnHover verticalSpacing={dense ? 2 : 6} striped="even" stickyHeader>
          <Head columns={columns} widens={widens} />
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
