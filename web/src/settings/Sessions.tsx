import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

/** Where a person is signed in to the account, and how to end that. */
export function Sessions({ user, name, close }: { user: Schema<"User">; name: string; close: () => void }) {
  const { t } = useTranslation();
  const path = { id: user.id };
  const list = api.useQuery("get", "/v1/users/{id}/sessions", { params: { path } });
  const end = api.useMutation("delete", "/v1/users/{id}/sessions", { onSuccess: () => refresh("/v1/users") });
  const sessions = list.data?.items ?? (list.data ? [] : undefined);
  return (
    <Modal opened onClose={close} size="lg" title={t("people.sessionsOf", { who: name })} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Stack gap="sm">
        <Rows<Schema<"UserSession">>
          label={t("me.sessions")}
          rows={sessions}
          id={(s) => s.id}
          error={list.error}
          empty={<Text size="sm">{t("people.noSessions")}</Text>}
          columns={[
            { key: "agent", label: t("people.browser"), cell: (s) => <Text size="sm">{s.agent}</Text> },
            { key: "source", label: t("me.where"), wide: true, cell: (s) => s.source },
            { key: "seen", label: t("me.seen"), cell: (s) => <When at={s.seen_at} /> },
          ]}
        />
        <Failure error={end.error} />
        {sessions && sessions.length > 0 && (
          <Group justify="flex-end">
            <Button color="red" loading={end.isPending} onClick={() => end.mutate({ params: { path } })}>
              {t("people.endSessions")}
            </Button>
          </Group>
        )}
      </Stack>
    </Modal>
  );
}
