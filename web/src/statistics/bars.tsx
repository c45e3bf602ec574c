import { useTranslation } from "react-i18next";

import { Bars } from "@/ui/Bars";
import { Part } from "@/ui/Part";

import { Reason } from "./Figures";
import { type Row, totalOf } from "./series";
import { arrivals } from "./views";

/** Why providers refused, most often first. */
export function Reasons({ rows }: { rows: readonly Row[] }) {
  const { t } = useTranslation();
  const kinds = [...new Set(rows.map((row) => String(row["kind"])))];
  const bars = kinds.map((kind) => ({ key: kind, label: <Reason row={{ kind }} />, value: totalOf(rows.filter((row) => row["kind"] === kind), "tries") }));
  return (
    <Part title={t("stats.reasons")}>
      <Bars label={t("stats.reasons")} bars={bars.sort((a, b) => b.value - a.value)} />
    </Part>
  );
}

/** How many arrived how soon. */
export function Arrivals({ rows }: { rows: readonly Row[] }) {
  const { t } = useTranslation();
  return (
    <Part title={t("stats.soon")}>
      <Bars label={t("stats.soon")} bars={arrivals.map((key) => ({ key, label: t(`stats.within.${key}`), value: totalOf(rows, key) }))} />
    </Part>
  );
}
