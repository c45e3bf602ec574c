import { Alert, Button, Group, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { client, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { useNow } from "@/ui/When";

type Campaign = Schema<"Campaign">;

const second = 1000; // ms
const soon = 10 * 60_000; // ms before it begins in which somebody may have second thoughts

/** Takes back the start of what goes out soon, while it has not begun: it is canceled, and a copy is there to go on with. */
export function Undo({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(second);
  const edits = useMay("editor");
  const begins = new Date(campaign.next_fire_at ?? 0).getTime();
  const left = begins - now;
  const navigate = useNavigate();
  const undo = useMutation({
    mutationFn: async () => {
      const path = { params: { path: { id: campaign.id } } };
      await client.POST("/v1/campaigns/{id}/cancel", path);
      const { data: copy } = await client.POST("/v1/campaigns/{id}/duplicate", { ...path, body: { name: campaign.name } });
      await client.POST("/v1/campaigns/{id}/archive", path);
      await refresh("/v1/campaigns", "/v1/calendar");
      if (copy) await navigate({ to: "/campaigns/$id/edit", params: { id: String(copy.id) } });
    },
  });
  const waits = campaign.status === "scheduled" && campaign.run_id === undefined && campaign.kind !== "recurring" && left < soon;
  // What has begun is told by an event; what is late is looked at.
  const due = waits && left < 0;
  useEffect(() => {
    if (!due) return;
    const timer = setInterval(() => void refresh("/v1/campaigns"), 2 * second);
    return () => clearInterval(timer);
  }, [due]);
  if (!waits || !edits) return null;
  return (
    <Alert color="cyan" role="status">
      <Group justify="space-between">
        <Text>{left > 0 ? t("campaign.startsIn", { time: format.duration(left / second) }) : t("campaign.begins")}</Text>
        {left > 0 && (
          <Button size="xs" loading={undo.isPending} onClick={() => undo.mutate()}>
            {t("campaign.undo")}
          </Button>
        )}
      </Group>
      <Failure error={undo.error} />
    </Alert>
  );
}
