import { Loader, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";

/** Says of messages that are in doubt what became of them, after it was said what that does. */
export function Settle({ of, as, close }: { of: Pick<Schema<"SettleInput">, "run_id" | "channel_id" | "campaign_id">; as: Schema<"SettleInput">["as"]; close: () => void }) {
  const { t } = useTranslation();
  const body = { ...of, as };
  const preview = api.useQuery("post", "/v1/messages/settle", { body: { ...body, dry_run: true } }, { staleTime: 0 });
  return (
    <Ask
      opened
      title={t(`settle.${as}`)}
      action={t("settle.do", { count: preview.data?.matched ?? 0 })}
      run={async () => {
        if (!preview.data) return;
        await client.POST("/v1/messages/settle", { body });
        notifications.show({ message: t("settle.done") });
        await refresh("/v1/campaigns", "/v1/runs", "/v1/messages", "/v1/queue", "/v1/status");
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
