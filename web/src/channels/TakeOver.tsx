import { Button, Group, Loader, Modal, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { languageName } from "@/templates/definition";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";
import { Tint } from "@/ui/State";

const tints = { open: "quiet", imported: "good", exists: "quiet", unfit: "warn" } as const;

/** Takes templates over that a channel's provider keeps and the catalogue lacks. */
export function TakeOver({ channel, done }: { channel: Schema<"Channel">; done: () => void }) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  return (
    <>
      <Button variant="default" onClick={() => setOpened(true)}>
        {t("takeOver.open")}
      </Button>
      <Modal opened={opened} onClose={() => setOpened(false)} size="lg" title={t("takeOver.open")} closeButtonProps={{ "aria-label": t("common.close") }}>
        <Foreseen channel={channel} done={done} close={() => setOpened(false)} />
      </Modal>
    </>
  );
}

/** What would be taken over, and then what was. */
function Foreseen({ channel, done, close }: { channel: Schema<"Channel">; done: () => void; close: () => void }) {
  const { t } = useTranslation();
  const path = { path: { id: channel.id } };
  const foreseen = useQuery({
    queryKey: ["post", "/v1/channels/{id}/templates/import", channel.id],
    queryFn: async () => (await client.POST("/v1/channels/{id}/templates/import", { params: path, body: { dry_run: true } })).data?.templates ?? [],
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
  const take = api.useMutation("post", "/v1/channels/{id}/templates/import", {
    onSuccess: async () => {
      done();
      await refresh("/v1/templates");
    },
  });
  const list = (take.data?.templates ?? foreseen.data)?.filter((one) => one.outcome !== "exists");
  const open = take.data ? 0 : (list ?? []).filter((one) => one.outcome === "open").length;
  return (
    <Stack gap="sm">
      <Text size="sm">{t("takeOver.hint")}</Text>
      {foreseen.error ? (
        <Failure error={foreseen.error} again={() => void foreseen.refetch()} />
      ) : list === undefined ? (
        <Loader size="sm" aria-label={t("common.loading")} />
      ) : (
        list.map((one) => <OneTemplate key={one.name} of={one} />)
      )}
      <Failure error={take.error} />
      <Text size="sm" role="status">
        {take.data ? t("takeOver.done") : list && open === 0 ? t("takeOver.nothing") : ""}
      </Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {t(take.data ? "common.close" : "common.leave")}
        </Button>
        {!take.data && (
          <Button disabled={open === 0} loading={take.isPending} onClick={() => take.mutate({ params: path, body: {} })}>
            {t("takeOver.do", { count: open })}
          </Button>
        )}
      </Group>
    </Stack>
  );
}

function OneTemplate({ of }: { of: Schema<"ImportedTemplate"> }) {
  const { t, i18n } = useTranslation();
  return (
    <Stack gap={2} component="section" aria-label={of.name}>
      <Group gap="xs">
        {of.template_id ? (
          <TextLink to="/templates/$id" params={{ id: String(of.template_id) }}>
            {of.name}
          </TextLink>
        ) : (
          <Text fw={600}>{of.name}</Text>
        )}
        <Tint as={tints[of.outcome]}>{t(`takeOver.outcome.${of.outcome}`)}</Tint>
      </Group>
      {of.reason && <Text size="sm">{of.reason}</Text>}
      {(of.languages ?? []).map((language) => (
        <Text key={language.language} size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {languageName(language.language.replaceAll("_", "-"), i18n.language)}: {language.reason ?? language.body}
        </Text>
      ))}
      {(of.parameters ?? []).map((p) => (
        <Text key={p.name} size="sm" c="dimmed">
          {t("takeOver.filled", { place: `{{${p.name}}}`, value: p.value })}
        </Text>
      ))}
    </Stack>
  );
}
