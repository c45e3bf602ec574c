import { Group, Progress as Bar, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { useFormat } from "@/ui/format";

import { progress } from "./counts";

/** How far a run is: a bar with its numbers. */
export function Progress({ run, small = false }: { run: Schema<"Run"> | undefined; small?: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (!run) return null;
  const { done, total } = progress(run);
  const share = total > 0 ? done / total : 0;
  return (
    <Group gap="xs" wrap="nowrap">
      <Bar.Root size={small ? "sm" : "lg"} w={small ? 110 : "100%"} maw="30rem" style={{ flexShrink: 1 }}>
        <Bar.Section value={share * 100} aria-label={t("run.progress")} animated={run.status === "sending"} />
      </Bar.Root>
      <Text size="sm" style={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}>
        {t("run.of", { done: format.number(done), total: format.number(total) })}
        {!run.plan_done && run.status === "planning" ? ` ${t("run.planning")}` : ""}
      </Text>
    </Group>
  );
}
