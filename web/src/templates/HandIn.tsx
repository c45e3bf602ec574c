import { Button, Group, Loader, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { Tint } from "@/ui/State";

import { languageName, type Template } from "./definition";
import { Status } from "./Status";

type Language = Schema<"SubmittedTemplate">;

const tints = { open: "quiet", submitted: "good", kept: "quiet", unfit: "warn", refused: "bad" } as const;

/** Hands a template in to a channel's provider for review, where one has such a provider. */
export function HandIn({ template }: { template: Template }) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } });
  const providers = api.useQuery("get", "/v1/providers", {}, { staleTime: Infinity });
  const reviewing = new Set((providers.data?.items ?? []).filter((p) => p.can.templates).map((p) => p.name));
  const able = (channels.data?.items ?? []).filter((c) => reviewing.has(c.provider) && (template.kinds ?? []).includes(c.address));
  if (able.length === 0 || !template.translations?.length) return null;
  return (
    <>
      <Button variant="default" onClick={() => setOpened(true)}>
        {t("handIn.open")}
      </Button>
      <Modal opened={opened} onClose={() => setOpened(false)} size="lg" title={t("handIn.title", { name: template.name })} closeButtonProps={{ "aria-label": t("common.close") }}>
        <Foreseen template={template} channels={able} close={() => setOpened(false)} />
      </Modal>
    </>
  );
}

/** What would be handed in, and then what became of it. */
function Foreseen({ template, channels, close }: { template: Template; channels: Schema<"Channel">[]; close: () => void }) {
  const { t } = useTranslation();
  const [channel, setChannel] = useState(channels[0]?.id ?? 0);
  const asks = { params: { path: { id: channel } }, body: { template: template.name } };
  const foreseen = useQuery({
    queryKey: ["post", "/v1/channels/{id}/templates/submit", channel, template.id, template.version],
    queryFn: async () => (await client.POST("/v1/channels/{id}/templates/submit", { ...asks, body: { ...asks.body, dry_run: true } })).data?.languages ?? [],
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
  const hand = api.useMutation("post", "/v1/channels/{id}/templates/submit", { onSuccess: () => refresh("/v1/templates") });
  const list = hand.data?.languages ?? foreseen.data;
  const open = hand.data ? 0 : (list ?? []).filter((one) => one.outcome === "open").length;
  return (
    <Stack gap="sm">
      <Text size="sm">{t("handIn.hint")}</Text>
      {channels.length > 1 && (
        <NativeSelect
          label={t("messages.channel")}
          value={String(channel)}
          disabled={hand.isPending}
          onChange={(e) => {
            setChannel(Number(e.currentTarget.value));
            hand.reset();
          }}
          data={channels.map((c) => ({ value: String(c.id), label: c.name }))}
        />
      )}
      {foreseen.error ? (
        <Failure error={foreseen.error} again={() => void foreseen.refetch()} />
      ) : list === undefined ? (
        <Loader size="sm" aria-label={t("common.loading")} />
      ) : (
        list.map((one) => <OneLanguage key={one.language} of={one} />)
      )}
      <Failure error={hand.error} />
      <Text size="sm" role="status">
        {hand.data ? t("handIn.done") : list && open === 0 ? t("handIn.nothing") : ""}
      </Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {t(hand.data ? "common.close" : "common.leave")}
        </Button>
        {!hand.data && (
          <Button disabled={open === 0} loading={hand.isPending} onClick={() => hand.mutate(asks)}>
            {t("handIn.do", { count: open })}
          </Button>
        )}
      </Group>
    </Stack>
  );
}

function OneLanguage({ of }: { of: Language }) {
  const { t, i18n } = useTranslation();
  const name = languageName(of.language, i18n.language);
  return (
    <Stack gap={2} component="section" aria-label={name}>
      <Group gap="xs">
        <Text fw={600}>{name}</Text>
        <Tint as={tints[of.outcome]}>{t(`handIn.outcome.${of.outcome}`)}</Tint>
        {of.status && <Status state={of.status} />}
      </Group>
      {of.reason && <Text size="sm">{of.reason}</Text>}
      <Text size="sm" c="dimmed" style={{ whiteSpace: "pre-line", overflowWrap: "anywhere" }}>
        {[of.header, of.body, of.footer].filter(Boolean).join("\n")}
      </Text>
    </Stack>
  );
}
