import { Alert, Button, Checkbox, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { Once } from "@/ui/Once";
import { When } from "@/ui/When";

const overlaps = { ended: 0, hour: 3600, day: 24 * 3600, week: 7 * 24 * 3600 } as const; // seconds; 0 until it is ended
type Overlap = keyof typeof overlaps;

/** By what requests are signed: since when, and whether the secret before signs along. */
export function Secret({ webhook }: { webhook: Schema<"Webhook"> }) {
  const { t } = useTranslation();
  const path = { id: webhook.id };
  const [asked, setAsked] = useState(false);
  const [made, setMade] = useState<string>();
  const [overlap, setOverlap] = useState<Overlap>("day");
  const [leaked, setLeaked] = useState(false);
  const end = api.useMutation("post", "/v1/webhooks/{id}/end-overlap", { onSuccess: () => refresh("/v1/webhooks") });
  const setting = webhook.secrets["secret"];
  return (
    <Stack gap="sm">
      {made && <Once title={t("webhook.secret")} hint={t("webhook.secretHint")} text={made} done={() => setMade(undefined)} />}
      {setting?.set_at && (
        <Text size="sm">
          {t("webhook.secretSet", { who: setting.set_by ?? "" })} <When at={setting.set_at} />
        </Text>
      )}
      {setting?.replaced && (
        <Alert color="orange" title={t("webhook.alongside")} role="status">
          {setting.replaced.ends_at ? (
            <>
              {t("webhook.alongsideUntil")} <When at={setting.replaced.ends_at} exact />
            </>
          ) : (
            t("webhook.alongsideUntilEnded")
          )}
          <Group mt="xs">
            <Button size="xs" variant="default" loading={end.isPending} onClick={() => end.mutate({ params: { path } })}>
              {t("webhook.endOverlap")}
            </Button>
          </Group>
        </Alert>
      )}
      <Failure error={end.error} />
      <Group>
        <Button variant="default" onClick={() => setAsked(true)}>
          {t("webhook.rotate")}
        </Button>
      </Group>
      <Ask
        opened={asked}
        title={t("webhook.rotateTitle")}
        action={t("webhook.rotate")}
        run={async () => {
          const { data } = await client.POST("/v1/webhooks/{id}/secret", {
            params: { path },
            body: leaked ? { leaked } : { overlap_seconds: overlaps[overlap] },
          });
          setMade(data?.secret);
          await refresh("/v1/webhooks");
        }}
        close={() => {
          setLeaked(false);
          setAsked(false);
        }}
      >
        <Stack gap="xs">
          <Text size="sm">{t("webhook.rotateHint")}</Text>
          <NativeSelect
            label={t("webhook.overlap")}
            disabled={leaked}
            value={overlap}
            onChange={(e) => setOverlap(e.currentTarget.value as Overlap)}
            data={(Object.keys(overlaps) as Overlap[]).map((value) => ({ value, label: t(`webhook.overlaps.${value}`) }))}
          />
          <Checkbox label={t("webhook.leaked")} description={t("webhook.leakedHint")} checked={leaked} onChange={(e) => setLeaked(e.currentTarget.checked)} />
        </Stack>
      </Ask>
    </Stack>
  );
}
