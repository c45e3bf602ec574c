import { Alert, Button, Card, Group, Loader, Stack, Text, Timeline, Title } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, refresh } from "@/api/client";
import { useMay } from "@/app/session";
import { states } from "@/campaigns/counts";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { useReason } from "@/ui/reason";
import { StateBadge } from "@/ui/State";
import { Remedy } from "@/ui/Standstill";
import { When } from "@/ui/When";
import { TextLink } from "@/ui/links";

/** One message with everything that happened to it. */
export default function MessagePage() {
  const { t } = useTranslation();
  const why = useReason();
  const id = Number(useParams({ from: "/inside/messages/$id" }).id);
  const edits = useMay("editor");
  const path = { params: { path: { id } } };
  const read = api.useQuery("get", "/v1/messages/{id}", path);
  const changed = () => refresh("/v1/messages", "/v1/runs", "/v1/queue");
  const cancel = api.useMutation("post", "/v1/messages/{id}/cancel", { onSuccess: changed });
  const resend = api.useMutation("post", "/v1/messages/{id}/resend", { onSuccess: changed });
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  const m = read.data;
  if (!m) return <Loader aria-label={t("common.loading")} />;
  const waits = m.state === "pending" || m.state === "queued";
  const again = m.state === "failed" || m.state === "rejected" || m.state === "unknown";
  return (
    <Page
      title={m.address || t("messages.noAddress")}
      within={{ label: t("messages.title"), to: "/messages" }}
      beside={<StateBadge state={m.state} />}
      actions={
        edits && (
          <>
            {waits && (
              <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate(path)}>
                {t("messages.cancel")}
              </Button>
            )}
            {again && (
              <Button variant="default" loading={resend.isPending} onClick={() => resend.mutate(path)}>
                {t("messages.resend")}
              </Button>
            )}
          </>
        )
      }
    >
      <Stack>
        <Failure error={cancel.error ?? resend.error} />
        {m.standstill && (
          <Alert color="orange" title={t("campaign.still")}>
            {m.standstill.words} <Remedy of={m.standstill} />
          </Alert>
        )}
        <Group>
          {m.campaign_id !== undefined && (
            <TextLink to="/campaigns/$id" params={{ id: String(m.campaign_id) }}>
              {t("messages.ofCampaign", { id: m.campaign_id })}
            </TextLink>
          )}
          {m.provider_id && <Text size="sm">{t("messages.providerID", { id: m.provider_id })}</Text>}
        </Group>
        <Card withBorder>
          <Title order={2} size="h4" mb="sm">
            {t("messages.history")}
          </Title>
          <Timeline bulletSize={14} lineWidth={2}>
            {(m.history ?? []).map((entry, i) => {
              const state = states.find((s) => s === entry.state);
              return (
                <Timeline.Item key={`${entry.at}-${i}`} title={state ? t(`message.state.${state}`) : entry.state}>
                  <Text size="sm">{[why(entry.reason), entry.code, entry.detail].filter(Boolean).join(" · ")}</Text>
                  <Text size="xs" c="dimmed">
                    <When at={entry.at} exact />
                  </Text>
                </Timeline.Item>
              );
            })}
          </Timeline>
        </Card>
      </Stack>
    </Page>
  );
}
