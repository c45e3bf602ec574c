import { Alert, List, Stack, Text } from "@mantine/core";
import { type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { useReason } from "@/ui/reason";
import { When } from "@/ui/When";

import { Drawn } from "./Drawn";
import { Preview } from "./Preview";

/** What keeps it from being started, what may be a mistake, and who will get it, who not, and why. */
export function Checks({ campaign }: { campaign: Schema<"Campaign"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const why = useReason();
  const params = { path: { id: campaign.id } };
  const checks = api.useQuery("get", "/v1/campaigns/{id}/checks", { params }, { staleTime: 0 });
  const forecast = api.useQuery("get", "/v1/campaigns/{id}/preview", { params }, { staleTime: 0 });
  const skipped = Object.entries(forecast.data?.skipped ?? {});
  // What is warned of is said once.
  const warned = (checks.data?.warnings ?? []).map((check) => check.message);
  const notices = (forecast.data?.notices ?? []).filter((notice) => !warned.includes(notice));
  return (
    <Stack gap="xs" aria-live="polite">
      <Failure error={checks.error ?? forecast.error} />
      {(checks.data?.blockers ?? []).map((check) => (
        <Line key={check.code + (check.field ?? "")} color="red" check={check} />
      ))}
      {(checks.data?.warnings ?? []).map((check) => (
        <Line key={check.code + (check.field ?? "")} color="orange" check={check} />
      ))}
      {forecast.data?.total !== undefined && (
        <>
          <Text size="sm">
            {t("editor.reach", { count: forecast.data.reachable ?? 0, n: format.number(forecast.data.reachable ?? 0), total: format.number(forecast.data.total) })}
          </Text>
          {skipped.length > 0 && (
            <List size="sm">
              {skipped.map(([reason, n]) => (
                <List.Item key={reason}>
                  {format.number(n)} × {why(reason)}
                </List.Item>
              ))}
            </List>
          )}
          {forecast.data.reachable ? <Drawn key={campaign.updated_at} campaign={campaign} /> : null}
          {forecast.data.ends_at && (
            <Text size="sm">
              {t("editor.ends")} <When at={forecast.data.ends_at} />
            </Text>
          )}
          {forecast.data.mailboxes && <AtMailboxes forecast={forecast.data.mailboxes} />}
        </>
      )}
      {notices.map((notice) => (
        <Alert key={notice} color="orange" p="xs">
          {notice}
        </Alert>
      ))}
      <Preview samples={forecast.data?.samples ?? []} pushed={["push", "web"].includes(forecast.data?.kind ?? "")} />
    </Stack>
  );
}

/** How long it takes at those whose limits it has to keep to, and of whom that is not known yet. */
function AtMailboxes({ forecast }: { forecast: Schema<"MailboxForecast"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <List size="sm" aria-label={t("channel.mailboxes")}>
      {(forecast.at ?? []).map((at) => (
        <List.Item key={at.mailbox}>{t("editor.atMailbox", { name: at.mailbox, n: format.number(at.recipients), took: format.duration(at.seconds) })}</List.Item>
      ))}
      {forecast.elsewhere > 0 && <List.Item>{t("editor.elsewhere", { n: format.number(forecast.elsewhere) })}</List.Item>}
    </List>
  );
}

function Line({ color, check }: { color: string; check: Schema<"Check"> }): ReactNode {
  return (
    <Alert color={color} p="xs">
      <Text size="sm" fw={600}>
        {check.message}
      </Text>
      <Text size="sm">{check.remedy}</Text>
    </Alert>
  );
}
