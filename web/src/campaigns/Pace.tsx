import { Group, NumberInput, Stack, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { without } from "./form";
import { numberOf } from "./policies";
import { type SectionProps } from "./section";

/** How fast it goes out. */
export function PaceSection({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  const batch = form.throttle.batch;
  const batches = (change: Partial<NonNullable<typeof batch>>) => {
    const next = { size: 0, every: "", ...batch, ...change };
    set({ throttle: next.size === 0 && next.every === "" && !next.growth ? without(form.throttle, "batch") : { ...form.throttle, batch: next } });
  };
  return (
    <Stack gap="sm">
      <NumberInput
        label={t("pace.perSecond")}
        description={t("pace.perSecondHint")}
        min={0}
        allowNegative={false}
        value={form.perSecond}
        error={problem?.at("throttle.per_second")}
        onChange={(value) => set({ perSecond: String(value) })}
        maw="16rem"
      />
      <Group align="flex-start">
        <NumberInput
          label={t("pace.size")}
          description={t("pace.sizeHint")}
          min={1}
          allowDecimal={false}
          value={batch?.size || ""}
          error={problem?.at("throttle.batch.size")}
          onChange={(value) => batches({ size: numberOf(value) ?? 0 })}
        />
        <TextInput
          label={t("pace.every")}
          description={t("pace.everyHint")}
          value={batch?.every ?? ""}
          error={problem?.at("throttle.batch.every")}
          onChange={(e) => batches({ every: e.currentTarget.value })}
        />
        <NumberInput
          label={t("pace.growth")}
          description={t("pace.growthHint")}
          min={1}
          max={10}
          step={0.5}
          value={batch?.growth ?? ""}
          error={problem?.at("throttle.batch.growth")}
          onChange={(value) => batches({ growth: numberOf(value) ?? 0 })}
        />
      </Group>
    </Stack>
  );
}
