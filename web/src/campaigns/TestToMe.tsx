import { Button, Card, Stack, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";

/** Sends it to one address, such as one's own. */
export function TestToMe({ campaign, email, keep }: { campaign: Schema<"Campaign">; email: boolean; keep: () => Promise<unknown> }) {
  const { t } = useTranslation();
  const session = api.useQuery("get", "/v1/session").data;
  const [to, setTo] = useState<string>();
  const address = to ?? (email ? (session?.email ?? "") : "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const test = async () => {
    setBusy(true);
    setError(null);
    try {
      await keep();
      await client.POST("/v1/campaigns/{id}/test", { params: { path: { id: campaign.id } }, body: { to: address } });
      notifications.show({ message: t("editor.tested", { to: address }) });
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card withBorder component="section">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void test();
        }}
      >
        <Stack gap="xs">
          <TextInput label={t("editor.testTo")} value={address} onChange={(e) => setTo(e.currentTarget.value)} />
          <Failure error={error} />
          <Button type="submit" variant="default" loading={busy} disabled={address === ""}>
            {t("editor.test")}
          </Button>
        </Stack>
      </form>
    </Card>
  );
}
