import { Loader, NativeSelect, Stack, Table, VisuallyHidden } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { shareOf } from "@/ui/chart";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";

import type { Span } from "./range";
import { useStats } from "./read";
import { numberOf, totalOf } from "./series";

const counts = ["opened", "clicked", "sent", "read"] as const;
type Count = (typeof counts)[number];

const days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
const hours = Array.from({ length: 24 }, (_, hour) => hour);

/** How strongly the most of an hour is colored, in percent: letters keep 4.5:1 on it in both schemes. */
const strongest = 45;

/** When in the week people open and click: a field for each hour, the darker the more. */
export function Hours({ span }: { span: Span }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [count, setCount] = useState<Count>();
  const { rows, error, again } = useStats("hours", span, "hour");
  if (error) return <Failure error={error} again={again} />;
  if (!rows) return <Loader size="sm" aria-label={t("common.loading")} />;
  const shown = count ?? counts.find((key) => totalOf(rows, key) > 0) ?? "opened";
  const at = new Map(rows.map((row) => [`${String(row["weekday"])} ${String(row["hour"])}`, numberOf(row, shown)]));
  const most = Math.max(0, ...at.values());
  if (counts.every((key) => totalOf(rows, key) === 0)) return <Empty title={t("stats.nothing")}>{t("stats.nothingHint")}</Empty>;
  return (
    <Part title={t("stats.hours")}>
      <Stack gap="sm">
        <NativeSelect
          label={t("stats.counted")}
          maw="16rem"
          value={shown}
          onChange={(e) => setCount(e.currentTarget.value as Count)}
          data={counts.map((value) => ({ value, label: t(`stats.${value}`) }))}
        />
        <Table.ScrollContainer minWidth={760} scrollAreaProps={{ viewportProps: { tabIndex: 0, "aria-label": t("stats.hours"), role: "group" } }}>
          <Table aria-label={t("stats.hours")} withColumnBorders withTableBorder>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>
                  <VisuallyHidden>{t("stats.weekday")}</VisuallyHidden>
                </Table.Th>
                {hours.map((hour) => (
                  <Table.Th key={hour} p={2} ta="center" fz="xs">
                    {hour}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {days.map((day) => (
                <Table.Tr key={day}>
                  <Table.Th scope="row">{t(`stats.dayOf.${day}`)}</Table.Th>
                  {hours.map((hour) => {
                    const n = at.get(`${day} ${hour}`) ?? 0;
                    const strength = Math.round((shareOf(n, most) ?? 0) * strongest);
                    return (
                      <Table.Td key={hour} p={2} ta="center" fz="xs" style={{ background: `color-mix(in srgb, #0c8599 ${strength}%, transparent)` }}>
                        {n > 0 ? format.number(n) : ""}
                      </Table.Td>
                    );
                  })}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </Stack>
    </Part>
  );
}
