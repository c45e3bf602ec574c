import { List, Loader, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";
import { Part } from "@/ui/Part";
import { CampaignBadge, type CampaignStatus } from "@/ui/State";

import type { Template } from "./definition";

/** Campaigns that use a template and are not over. */
export function Uses({ template }: { template: Template }) {
  const { t } = useTranslation();
  const uses = api.useQuery("get", "/v1/templates/{id}/uses", { params: { path: { id: template.id } } });
  const items = uses.data?.items ?? [];
  return (
    <Part title={t("templates.uses")}>
      {uses.error ? <Failure error={uses.error} /> : !uses.data && <Loader size="sm" aria-label={t("common.loading")} />}
      {uses.data && items.length === 0 && <Text size="sm">{t("templates.usedNowhere")}</Text>}
      {items.length > 0 && (
        <List size="sm">
          {items.map((use) => (
            <List.Item key={use.campaign_id}>
              <TextLink to="/campaigns/$id" params={{ id: String(use.campaign_id) }}>
                {use.name}
              </TextLink>{" "}
              <CampaignBadge status={use.status as CampaignStatus} />
            </List.Item>
          ))}
        </List>
      )}
    </Part>
  );
}
