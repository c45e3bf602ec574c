import { Button, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";

type Variant = Schema<"RunVariant">;

const often = 10_000; // ms between two looks while the run goes on

/** How the variants of a run do, each with the interval where its rate is, and which one those get who wait. */
export function Variants({ campaign, run }: { campaign: Schema<"Campaign">; run: Schema<"Run"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const [chosen, setChosen] = useState<string>();
  const has = (campaign.experiment?.variants ?? []).length > 0;
  const read = api.useQuery(
    "get",
    "/v1/runs/{id}/variants",
    { params: { path: { id: run.id } } },
    { enabled: has, refetchInterval: run.finished_at === undefined && often },
  );
  if (!has) return null;
  const found = read.data;
  return (
    <Part title={t("variants.title")}>
      <Stack gap="xs">
        {(found?.says ?? []).map((line) => (
          <Text key={line} size="sm">
            {line}
          </Text>
        ))}
        <Rows<Variant>
          label={t("variants.title")}
          rows={found?.variants ?? undefined}
          id={(v) => v.variant}
          error={read.error}
          empty={null}
          columns={[
            { key: "name", label: t("variants.name"), cell: (v) => <Text fw={v.variant === (found?.winner?.variant ?? found?.leader) ? 700 : undefined}>{v.variant}</Text> },
            { key: "share", label: t("variants.share"), numbers: true, wide: true, cell: (v) => format.percent(v.share / 100) },
            { key: "trials", label: t("variants.trials"), numbers: true, cell: (v) => format.number(v.trials) },
            { key: "successes", label: found ? t(`variants.by.${found.by}`) : "", numbers: true, cell: (v) => format.number(v.successes) },
            { key: "rate", label: t("variants.rate"), numbers: true, cell: (v) => format.percent(v.rate) },
            { key: "interval", label: t("variants.interval"), wide: true, cell: (v) => <Interval of={v} /> },
            {
              key: "choose",
              label: t("common.actions"),
              cell: (v) =>
                edits && !found?.winner && (found?.waiting ?? 0) > 0 && (
                  <Button size="compact-xs" variant="default" aria-label={t("variants.chooseLong", { name: v.variant })} onClick={() => setChosen(v.variant)}>
                    {t("variants.choose")}
                  </Button>
                ),
            },
          ]}
        />
      </Stack>
      {chosen !== undefined && <Choose campaign={campaign.id} run={run.id} variant={chosen} close={() => setChosen(undefined)} />}
    </Part>
  );
}

const thickness = 12; // px

/** A rate with the interval where it is, on a line from none to all. */
function Interval({ of }: { of: Variant }) {
  const format = useFormat();
  const { low, high } = of.interval;
  const at = (rate: number) => `${rate * 100}%`;
  return (
    <>
      <svg width="10rem" height={thickness} aria-hidden="true" style={{ display: "block" }}>
        <line x1="0" x2="100%" y1={thickness / 2} y2={thickness / 2} stroke="var(--mantine-color-dimmed)" />
        <rect x={at(low)} width={at(Math.max(0, high - low))} height={thickness} rx="2" fill="var(--mantine-color-cyan-8)" opacity="0.5" />
        <line x1={at(of.rate)} x2={at(of.rate)} y1="0" y2={thickness} stroke="var(--mantine-color-text)" strokeWidth="2" />
      </svg>
      <Text size="xs">
        {format.percent(low)} – {format.percent(high)}
      </Text>
    </>
  );
}

function Choose({ campaign, run, variant, close }: { campaign: number; run: number; variant: string; close: () => void }) {
  const { t } = useTranslation();
  const request = { params: { path: { id: campaign } }, body: { variant, run_id: run } };
  const preview = api.useQuery("post", "/v1/campaigns/{id}/winner", { ...request, body: { ...request.body, dry_run: true } }, { staleTime: 0 });
  return (
    <Ask
      opened
      title={t("variants.chooseTitle", { name: variant })}
      action={t("variants.send", { count: preview.data?.waiting ?? 0 })}
      run={async () => {
        await client.POST("/v1/campaigns/{id}/winner", request);
        await refresh("/v1/campaigns", "/v1/runs");
      }}
      close={close}
    >
      <Failure error={preview.error} />
      {(preview.data?.says ?? []).map((line) => (
        <Text key={line} size="sm">
          {line}
        </Text>
      ))}
    </Ask>
  );
}
