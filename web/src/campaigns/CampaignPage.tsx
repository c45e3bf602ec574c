import { Alert, Card, Loader, Stack, Text, Title } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useLiveRun } from "@/app/live";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { CampaignBadge } from "@/ui/State";
import { When } from "@/ui/When";

import { Actions } from "./Actions";
import { Explain } from "./Explain";
import { RunView } from "./RunView";
import { Runs } from "./Runs";
import { Undo } from "./Undo";

type Campaign = Schema<"Campaign">;

/** One campaign: where it stands, what became of whom, and what can be done about it. */
export default function CampaignPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/inside/campaigns/$id" }).id);
  const campaign = api.useQuery("get", "/v1/campaigns/{id}", { params: { path: { id } } });
  if (campaign.error) return <Failure error={campaign.error} again={() => void campaign.refetch()} />;
  if (!campaign.data) return <Loader aria-label={t("common.loading")} />;
  return <Known campaign={campaign.data} />;
}

function Known({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const read = api.useQuery("get", "/v1/runs/{id}", { params: { path: { id: campaign.run_id ?? 0 } } }, { enabled: campaign.run_id !== undefined });
  const run = useLiveRun(read.data);
  return (
    <Page
      title={campaign.name}
      within={{ label: t("campaigns.title"), to: "/campaigns" }}
      beside={<CampaignBadge status={campaign.status} />}
      actions={<Actions campaign={campaign} />}
    >
      <Stack>
        {campaign.standstill && (
          <Alert color="orange" title={t("campaign.still")}>
            {campaign.standstill.words} {campaign.standstill.remedy}
          </Alert>
        )}
        {campaign.pause && (
          <Alert color="orange" title={t("campaign.pausedBy", { who: campaign.pause.by ?? t("campaign.itself") })}>
            {campaign.pause.reason} <When at={campaign.pause.since} />
          </Alert>
        )}
        <Undo campaign={campaign} />
        {campaign.next_fire_at && (
          <Text>
            {t("campaign.fires")} <When at={campaign.next_fire_at} exact />
          </Text>
        )}
        {run ? <RunView campaign={campaign} run={run} /> : <Empty title={t("campaign.notRun")}>{t("campaign.notRunHint")}</Empty>}
        {campaign.run_id !== undefined && <Explain campaign={campaign} />}
        {campaign.run_id !== undefined && <Runs campaign={campaign} />}
        {campaign.notes && (
          <Card withBorder>
            <Title order={2} size="h4">
              {t("campaign.notes")}
            </Title>
            <Text style={{ whiteSpace: "pre-wrap" }}>{campaign.notes}</Text>
          </Card>
        )}
      </Stack>
    </Page>
  );
}
