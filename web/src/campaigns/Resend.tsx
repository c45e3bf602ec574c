import { Loader, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";

type Campaign = Schema<"Campaign">;
type Count = Pick<Schema<"ReasonCount">, "state" | "reason">;

const again = ["failed", "rejected", "skipped", "canceled"] as const;
type Again = (typeof again)[number];

/** Reports whether messages in a state reached nobody for sure, so that they can be sent again without a doubt. */
export const resendable = (state: Count["state"]): state is Again => again.some((s) => s === state);

interface Props {
  campaign: Campaign;
  /** Of which run; the latest if absent. */
  run?: number;
  /** Those alone to whom this became of it; all whom it did not reach if absent. */
  only?: Count;
  close: () => void;
}

/** Sends a campaign to those whom it did not reach, after it was said how many these are. */
export function Resend({ campaign, run, only, close }: Props) {
  const { t } = useTranslation();
  const body = {
    ...(run === undefined ? {} : { run_id: run }),
    ...(only && resendable(only.state) ? { states: [only.state], reasons: [only.reason] } : {}),
  };
  const params = { path: { id: campaign.id } };
  const preview = api.useQuery("post", "/v1/campaigns/{id}/resend", { params, body: { ...body, dry_run: true } }, { staleTime: 0 });
  const nobody = preview.data?.reachable === 0;
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
