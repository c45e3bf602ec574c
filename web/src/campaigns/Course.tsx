import { Button, Group, Stack, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { Chart } from "@/ui/Chart";
import type { Step } from "@/ui/chart";
import { Part } from "@/ui/Part";

const often = 60_000; // ms between two looks while it goes on

const stepOf = (interval: string): Step => (interval === "hour" || interval === "week" || interval === "month" ? interval : "day");

const counted = ["sent", "delivered", "read", "clicked", "failed"] as const;
const rates = ["delivery_rate", "read_rate", "click_rate"] as const;

/** What became of a campaign over time; of one that recurs, also how its runs compare. */
export function Course({ campaign, active }: { campaign: Schema<"Campaign">; active: boolean }) {
  const { t } = useTranslation();
  const read = api.useQuery(
    "get",
    "/v1/campaigns/{id}/report",
    { params: { path: { id: campaign.id }, query: { format: "json" } } },
    { refetchInterval: active && often },
  );
  const report = typeof read.data === "object" ? read.data : undefined; // text is the page to print
  const course = useMemo(() => {
    const rows = report?.course ?? [];
    return { at: rows.map((r) => r.start), lines: counted.map((key) => ({ label: t(`course.${key}`), values: rows.map((r) => r[key]) })) };
  }, [report, t]);
  const trend = useMemo(() => {
    const rows = [...(report?.runs ?? [])].reverse();
    return { at: rows.map((r) => r.start), lines: rates.map((key) => ({ label: t(`course.${key}`), values: rows.map((r) => r[key] ?? null) })) };
  }, [report, t]);
  if (!report) return null;
  return (
    <Part title={t("course.title")}>
      <Stack gap="xs">
        {(report.words ?? []).map((line) => (
          <Text key={line} size="sm">
            {line}
          </Text>
        ))}
        {course.at.length > 1 && <Chart label={t("course.title")} at={course.at} lines={course.lines} step={stepOf(report.interval)} zone={report.timezone} />}
        {trend.at.length > 1 && (
          <>
            <Text fw={600}>{t("course.trend")}</Text>
            <Chart label={t("course.trend")} at={trend.at} lines={trend.lines} step="hour" unit="share" zone={report.timezone} />
          </>
        )}
        <Group>
          <Button size="xs" variant="default" component="a" href={`/v1/campaigns/${campaign.id}/report?format=html`} target="_blank" rel="noreferrer">
            {t("course.report")}
          </Button>
        </Group>
      </Stack>
    </Part>
  );
}
