import { NumberInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { type SectionProps } from "./section";

/** How fast it goes out. */
export function PaceSection({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  return (
    <NumberInput
      label={t("pace.perSecond")}
      description={t("pace.perSecondHint")}
      min={0}
      allowNegative={false}
      value={form.perSecond}
      error={problem?.at("throttle")}
      onChange={(value) => set({ perSecond: String(value) })}
      maw="16rem"
    />
  );
}
