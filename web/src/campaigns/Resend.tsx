import { Loader, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";

type Campaign = Schema<"Campaign">;

/** Sends a campaign to those whom it did not reach, after it was said how many these are. */
export function Resend({ campaign, close, states: only }: { campaign: Campaign; close: () => void; states?: ("failed" | "rejected" | "skipped" | "canceled")[] }) {
  const { t } = useTranslation();
  const body = only ? { states: only } : {};
  const params = { path: { id: campaign.id } };
  const preview = api.useQuery("post", "/v1/campaigns/{id}/resend", { params, body: { ...body, dry_run: true } }, { staleTime: 0 });
  const nobody = preview.data?.matched === 0;
  return (
    <Ask
      opened
      title={t("campaign.resendTitle")}
      action={nobody ? t("common.close") : t("campaign.resendTo", { count: preview.data?.reachable ?? 0 })}
      run={async () => {
        if (nobody || !preview.data) return;
        const { data } = await client.POST("/v1/campaigns/{id}/resend", { params, body });
        notifications.show({ message: (data?.says ?? []).join(" ") || t("campaign.resent") });
        await refresh("/v1/campaigns", "/v1/runs");
      }}
      close={close}
    >
      {preview.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
      <Failure error={preview.error} />
      {(preview.data?.says ?? []).map((line) => (
        <Text key={line} size="sm">
          {line}
        </Text>
      ))}
    </Ask>
  );
}
