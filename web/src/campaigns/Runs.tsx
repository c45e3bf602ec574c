import { Stack, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useFormat } from "@/ui/format";
import { Rows } from "@/ui/Rows";
import { RunBadge } from "@/ui/State";
import { When } from "@/ui/When";

import { funnel } from "./counts";

type Campaign = Schema<"Campaign">;
type Run = Schema<"Run">;

/** Runs of a campaign, where there are several. */
export function Runs({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const format = useFormat();
  const list = api.useQuery("get", "/v1/campaigns/{id}/runs", { params: { path: { id: campaign.id }, query: { limit: 50 } } });
  const items = list.data?.items ?? [];
  if (items.length < 2) return null;
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {t("run.all")}
      </Title>
      <Rows<Run>
        label={t("run.all")}
        rows={items}
        id={(r) => r.id}
        empty={null}
        columns={[
          { key: "instant", label: t("run.instant"), cell: (r) => <When at={r.instant} exact /> },
          { key: "status", label: t("campaigns.status"), cell: (r) => <RunBadge status={r.status} /> },
          { key: "kind", label: t("run.kind"), wide: true, cell: (r) => t(`run.kinds.${r.kind}`) },
          { key: "planned", label: t("run.step.planned"), numbers: true, cell: (r) => format.number(r.total) },
          { key: "sent", label: t("run.step.sent"), numbers: true, cell: (r) => format.number(funnel(r).find(({ step }) => step === "sent")?.n ?? 0) },
          { key: "why", label: t("run.why"), wide: true, cell: (r) => r.detail ?? r.reason },
        ]}
      />
    </Stack>
  );
}
