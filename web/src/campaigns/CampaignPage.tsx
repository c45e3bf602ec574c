import { Alert, Loader, Stack, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useLiveRun } from "@/app/live";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { CampaignBadge } from "@/ui/State";
import { Remedy } from "@/ui/Standstill";
import { When } from "@/ui/When";

import { About } from "./About";
import { Actions } from "./Actions";
import { Agenda } from "./Agenda";
import { Approval } from "./Approval";
import { Course } from "./Course";
import { Explain } from "./Explain";
import { Links } from "./Links";
import { Reasons } from "./Reasons";
import { RunView } from "./RunView";
import { Runs } from "./Runs";
import { Undo } from "./Undo";
import { Variants } from "./Variants";

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
  const approval = api.useQuery("get", "/v1/settings").data?.approval.required === true;
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
            {campaign.standstill.words} <Remedy of={campaign.standstill} />
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
        <Approval campaign={campaign} required={approval} />
        {run ? <RunView campaign={campaign} run={run} /> : <Empty title={t("campaign.notRun")}>{t("campaign.notRunHint")}</Empty>}
        {campaign.kind === "recurring" && campaign.status !== "draft" && <Agenda campaign={campaign} />}
        {run && (
          <>
            <Reasons campaign={campaign} run={run} />
            <Variants campaign={campaign} run={run} />
            <Course campaign={campaign} active={run.finished_at === undefined} />
            <Links campaign={campaign} run={run} />
            <Explain campaign={campaign} />
            <Runs campaign={campaign} />
          </>
        )}
        <About campaign={campaign} />
      </Stack>
    </Page>
  );
}
