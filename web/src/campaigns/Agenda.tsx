import { Badge, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";

import { Instants } from "./Instants";

const shown = 10;

type Asked = "skip" | "move" | "pause" | "run";

/** When a recurring campaign fires next, and what can be done about single instants. */
export function Agenda({ campaign }: { campaign: Schema<"Campaign"> }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const [asked, setAsked] = useState<Asked>();
  const path = { id: campaign.id };
  const read = api.useQuery("get", "/v1/campaigns/{id}/schedule", { params: { path, query: { n: shown } } });
  const changed = () => refresh("/v1/campaigns", "/v1/runs", "/v1/calendar");
  const resume = api.useMutation("post", "/v1/campaigns/{id}/schedule/resume", { onSuccess: changed });
  const schedule = read.data;
  const items = schedule?.items ?? [];
  const next = items.find((i) => !i.skipped);
  const close = () => setAsked(undefined);
  const when = next ? `${next.local} (${next.offset})` : "";
  return (
    <Part title={t("agenda.title")}>
      <Stack gap="xs">
        <Failure error={read.error ?? resume.error} />
        {schedule && (
          <Text>
            {schedule.words}
            {schedule.schedule_pause && <Badge color="orange.9" ml="xs">{t("agenda.paused")}</Badge>}
          </Text>
        )}
        {schedule && items.length === 0 && <Text c="dimmed">{t("agenda.none")}</Text>}
        {schedule && items.length > 0 && (
          <>
            <Text size="sm">{t("when.instants", { zone: schedule.timezone })}</Text>
            <Instants items={items} />
          </>
        )}
        {edits && (campaign.status === "scheduled" || campaign.status === "running") && (
          <Group gap="xs">
            {next && (
              <>
                <Button size="xs" variant="default" onClick={() => setAsked("skip")}>
                  {t("agenda.skip")}
                </Button>
                <Button size="xs" variant="default" onClick={() => setAsked("move")}>
                  {t("agenda.move")}
                </Button>
              </>
            )}
            <Button size="xs" variant="default" onClick={() => setAsked("run")}>
              {t("agenda.run")}
            </Button>
            {campaign.schedule_pause ? (
              <Button size="xs" loading={resume.isPending} onClick={() => resume.mutate({ params: { path } })}>
                {t("agenda.resume")}
              </Button>
            ) : (
              <Button size="xs" variant="default" onClick={() => setAsked("pause")}>
                {t("agenda.pause")}
              </Button>
            )}
          </Group>
        )}
      </Stack>
      <Ask
        opened={asked === "skip"}
        title={t("agenda.skip")}
        action={t("agenda.skip")}
        run={() => client.POST("/v1/campaigns/{id}/skip-next", { params: { path } }).then(changed)}
        close={close}
      >
        {t("agenda.skipHint", { when })}
      </Ask>
      <Ask
        opened={asked === "run"}
        title={t("agenda.run")}
        action={t("agenda.run")}
        run={() => client.POST("/v1/campaigns/{id}/trigger", { params: { path } }).then(changed)}
        close={close}
      >
        {t("agenda.runHint")}
      </Ask>
      {asked === "move" && next && <Move id={campaign.id} from={next.local} when={when} done={changed} close={close} />}
      {asked === "pause" && <PauseSchedule id={campaign.id} done={changed} close={close} />}
    </Part>
  );
}

interface Doing {
  id: number;
  done: () => Promise<void>;
  close: () => void;
}

function Move({ id, from, when, done, close }: Doing & { from: string; when: string }) {
  const { t } = useTranslation();
  const [to, setTo] = useState(from.slice(0, 16).replace(" ", "T"));
  const [error, setError] = useState<unknown>(null);
  return (
    <Ask
      opened
      title={t("agenda.move")}
      action={t("agenda.move")}
      run={async () => {
        try {
          await client.POST("/v1/campaigns/{id}/move-next", { params: { path: { id } }, body: { to } });
        } catch (e) {
          setError(e);
          throw e;
        }
        await done();
      }}
      close={close}
    >
      <Stack gap="xs">
        {t("agenda.moveHint", { when })}
        <TextInput type="datetime-local" label={t("agenda.to")} value={to} error={wrong(error, "to")} onChange={(e) => setTo(e.currentTarget.value)} />
      </Stack>
    </Ask>
  );
}

function PauseSchedule({ id, done, close }: Doing) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  return (
    <Ask
      opened
      title={t("agenda.pause")}
      action={t("agenda.pause")}
      run={() => client.POST("/v1/campaigns/{id}/schedule/pause", { params: { path: { id } }, body: reason ? { reason } : {} }).then(done)}
      close={close}
    >
      <Stack gap="xs">
        {t("agenda.pauseHint")}
        <TextInput label={t("agenda.reason")} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
      </Stack>
    </Ask>
  );
}
