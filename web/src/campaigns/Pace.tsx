import { Group, NumberInput, Stack, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { without } from "./form";
import { numberOf } from "./policies";
import { type SectionProps } from "./section";

/** How fast it goes out. */
export function PaceSection({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  const batch = form.throttle.batch;
  const batches = (size: number | undefined, every: string) =>
    set({ throttle: size === undefined && every === "" ? without(form.throttle, "batch") : { ...form.throttle, batch: { size: size ?? 0, every } } });
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
          onChange={(value) => batches(numberOf(value), batch?.every ?? "")}
        />
        <TextInput
          label={t("pace.every")}
          description={t("pace.everyHint")}
          value={batch?.every ?? ""}
          error={problem?.at("throttle.batch.every")}
          onChange={(e) => batches(batch?.size, e.currentTarget.value)}
        />
      </Group>
    </Stack>
  );
}
