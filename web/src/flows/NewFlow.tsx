import { Alert, Button, Group, NativeSelect, Radio, Stack, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh } from "@/api/client";
import { wrong } from "@/api/problem";
import { Ask } from "@/ui/ask";
import { TextLink } from "@/ui/links";

import { type Start, starts, stepsOfStart } from "./starts";

/** Makes a draft from a starting point: by one button, or by one for each. */
export function NewFlow({ starts: each = false }: { starts?: boolean }) {
  const { t } = useTranslation();
  const [start, setStart] = useState<Start>();
  if (!each) {
    return (
      <>
        <Button onClick={() => setStart("empty")}>{t("flows.new")}</Button>
        {start && <Making start={start} close={() => setStart(undefined)} />}
      </>
    );
  }
  return (
    <Group justify="center">
      {starts.map((s) => (
        <Button key={s} variant={s === "empty" ? "default" : "filled"} onClick={() => setStart(s)}>
          {t(`flows.start.${s}`)}
        </Button>
      ))}
      {start && <Making start={start} close={() => setStart(undefined)} />}
    </Group>
  );
}

function Making({ start, close }: { start: Start; close: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [from, setFrom] = useState(start);
  const [name, setName] = useState(start === "empty" ? "" : t(`flows.start.${start}`));
  const [chosen, setChosen] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } });
  const list = channels.data?.items ?? [];
  const channel = chosen || (list[0]?.id ?? 0);
  const make = async () => {
    try {
      const { data } = await client.POST("/v1/flows", { body: { name, channel_id: channel, steps: stepsOfStart(from, t) } });
      await refresh("/v1/flows");
      if (data) await navigate({ to: "/flows/$id", params: { id: String(data.id) } });
    } catch (e) {
      setError(e);
      throw e;
    }
  };
  return (
    <Ask opened title={t("flows.new")} action={t("flows.make")} run={make} close={close}>
      <Stack gap="sm">
        <Radio.Group label={t("flows.startFrom")} value={from} onChange={setFrom}>
          <Stack gap={6} mt={4}>
            {starts.map((s) => (
              <Radio key={s} value={s} label={t(`flows.start.${s}`)} description={t(`flows.startHint.${s}`)} />
            ))}
          </Stack>
        </Radio.Group>
        <TextInput label={t("flows.name")} required value={name} error={wrong(error, "name")} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />
        <NativeSelect
          label={t("editor.channel")}
          value={String(channel)}
          error={wrong(error, "channel_id")}
          onChange={(e) => setChosen(Number(e.currentTarget.value))}
          data={list.map((c) => ({ value: String(c.id), label: `${c.name} (${c.provider})` }))}
        />
        {channels.data && list.length === 0 && (
          <Alert color="orange">
            {t("editor.noChannel")} <TextLink to="/channels">{t("channels.title")}</TextLink>
          </Alert>
        )}
      </Stack>
    </Ask>
  );
}
