import { Button, Group, NumberInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { Failure } from "@/ui/Failure";

import { without } from "./form";

/** How fast a campaign goes out, changed while it does. */
export function Rate({ campaign }: { campaign: Schema<"Campaign"> }) {
  const { t } = useTranslation();
  const now = campaign.throttle.per_second ?? 0;
  const [given, setGiven] = useState<number | string>();
  const save = api.useMutation("patch", "/v1/campaigns/{id}", {
    onSuccess: async () => {
      await refresh("/v1/campaigns", "/v1/runs");
      setGiven(undefined);
    },
  });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        const rest = without(campaign.throttle, "per_second");
        const rate = Number(given);
        save.mutate({ params: { path: { id: campaign.id } }, body: { throttle: rate > 0 ? { ...rest, per_second: rate } : rest } });
      }}
    >
      <Group align="flex-end" gap="xs">
        <NumberInput
          size="xs"
          label={t("pace.perSecond")}
          min={0}
          allowNegative={false}
          w="12rem"
          value={given ?? (now > 0 ? now : "")}
          placeholder={t("rate.channel")}
          error={wrong(save.error, "throttle.per_second")}
          onChange={setGiven}
        />
        <Button type="submit" size="xs" variant="default" loading={save.isPending} disabled={given === undefined}>
          {t("rate.set")}
        </Button>
      </Group>
      <Failure error={save.error} fields={["throttle.per_second"]} />
    </form>
  );
}
