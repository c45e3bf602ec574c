import { Button, Card, Group, NativeSelect, NumberInput, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { type ExperimentForm, metrics, mostVariants, oneMore, type VariantForm } from "./experiment";
import { inputOf } from "./form";
import type { SectionProps } from "./section";

/** What is tried out: variants of what it says, whom it is tried on, and whom it is kept from to compare. */
export function ExperimentSection({ form, set, problem, email }: SectionProps & { email: boolean }) {
  const { t } = useTranslation();
  const experiment = form.experiment;
  const change = (part: Partial<ExperimentForm>) => set({ experiment: { ...experiment, ...part } });
  const { variants } = experiment;
  const at = (i: number, part: Partial<VariantForm>) => change({ variants: variants.map((v, n) => (n === i ? { ...v, ...part } : v)) });
  const add = () => change({ variants: oneMore(variants, inputOf(form).content ?? {}) });
  return (
    <Stack gap="sm">
      <Text size="sm">{t("experiment.hint")}</Text>
      {variants.map((v, i) => (
        <Card key={i} withBorder component="fieldset" p="sm">
          <Stack gap="xs">
            <Group align="flex-end" justify="space-between">
              <TextInput
                label={t("experiment.name")}
                value={v.name}
                error={problem?.at(`experiment.variants[${i}].name`)}
                onChange={(e) => at(i, { name: e.currentTarget.value })}
              />
              <Button
                variant="subtle"
                size="xs"
                aria-label={t("experiment.removeLong", { name: v.name })}
                onClick={() => change({ variants: variants.length > 2 ? variants.filter((_, n) => n !== i) : [] })}
              >
                {t("experiment.remove")}
              </Button>
            </Group>
            {email && (
              <TextInput
                label={t("experiment.subjectOf", { name: v.name })}
                value={v.subject}
                error={problem?.at(`experiment.variants[${i}].content.subject`)}
                onChange={(e) => at(i, { subject: e.currentTarget.value })}
              />
            )}
            <Textarea
              label={t("experiment.textOf", { name: v.name })}
              description={t("experiment.textHint")}
              autosize
              minRows={2}
              maxRows={12}
              value={v.text}
              error={problem?.at(`experiment.variants[${i}].content.text`)}
              onChange={(e) => at(i, { text: e.currentTarget.value })}
            />
          </Stack>
        </Card>
      ))}
      {variants.length < mostVariants && (
        <Group>
          <Button variant="default" size="xs" onClick={add}>
            {variants.length === 0 ? t("experiment.begin") : t("experiment.add")}
          </Button>
        </Group>
      )}
      {variants.length > 0 && (
        <Group align="flex-start">
          <NumberInput
            label={t("experiment.testShare")}
            description={t("experiment.testShareHint")}
            suffix=" %"
            min={1}
            max={99}
            value={experiment.testShare}
            error={problem?.at("experiment.test_share")}
            onChange={(value) => change({ testShare: String(value) })}
          />
          {experiment.testShare !== "" && (
            <>
              <NativeSelect
                label={t("experiment.by")}
                value={experiment.by}
                error={problem?.at("experiment.winner.by")}
                onChange={(e) => change({ by: e.currentTarget.value })}
                data={metrics.map((value) => ({ value, label: t(`experiment.metric.${value}`) }))}
              />
              {experiment.by !== "person" && (
                <TextInput
                  label={t("experiment.after")}
                  description={t("experiment.afterHint")}
                  value={experiment.after}
                  error={problem?.at("experiment.winner.after")}
                  onChange={(e) => change({ after: e.currentTarget.value })}
                />
              )}
            </>
          )}
        </Group>
      )}
      <NumberInput
        label={t("experiment.holdout")}
        description={t("experiment.holdoutHint")}
        suffix=" %"
        min={0}
        max={90}
        maw="16rem"
        value={experiment.holdout}
        error={problem?.at("experiment.holdout")}
        onChange={(value) => change({ holdout: Number(value) > 0 ? String(value) : "" })}
      />
      {problem?.at("experiment") && (
        <Text c="red" size="sm" role="alert">
          {problem.at("experiment")}
        </Text>
      )}
    </Stack>
  );
}
