import { Table, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { shareOf, strokeOf } from "./chart";
import { useFormat } from "./format";

export interface Bar {
  key: string;
  label: ReactNode;
  value: number;
  /** What part it is of what it is compared with, from 0 to 1, as the server has it. */
  rate?: number | undefined;
}

const thickness = 14; // px

interface Props {
  label: string;
  bars: readonly Bar[];
  /** In the middle of their place, as in a funnel. */
  centered?: boolean;
}

/** Numbers with a bar for each, as long as it is large. It is a table, which says them to everybody. */
export function Bars({ label, bars, centered = false }: Props) {
  const format = useFormat();
  const most = Math.max(0, ...bars.map((bar) => bar.value));
  const color = strokeOf([], 0).color;
  const rates = bars.some((bar) => bar.rate !== undefined);
  return (
    <Table aria-label={label} verticalSpacing={3} withRowBorders={false}>
      <Table.Tbody>
        {bars.map((bar) => {
          const width = 100 * (shareOf(bar.value, most) ?? 0);
          return (
            <Table.Tr key={bar.key}>
              <Table.Th scope="row" fw="normal">
                {bar.label}
              </Table.Th>
              <Table.Td className="numbers">{format.number(bar.value)}</Table.Td>
              {rates && (
                <Table.Td className="numbers">
                  <Text span size="sm" c="dimmed">
                    {bar.rate === undefined ? "" : format.percent(bar.rate)}
                  </Text>
                </Table.Td>
              )}
              <Table.Td w="45%">
                <svg width="100%" height={thickness} aria-hidden="true" style={{ display: "block" }}>
                  <rect x={centered ? `${(100 - width) / 2}%` : 0} width={`${width}%`} height={thickness} rx={2} fill={color} />
                </svg>
              </Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}

/** Steps of which each is a part of the first: how many came how far. */
export function Funnel({ label, steps }: { label: string; steps: readonly Bar[] }) {
  const first = steps[0]?.value ?? 0;
  return <Bars label={label} centered bars={steps.map((step, n) => (n === 0 ? step : { ...step, rate: step.rate ?? shareOf(step.value, first) }))} />;
}
