import { Button, Group, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { StateBadge } from "@/ui/State";
import { TextLink } from "@/ui/links";

import { plain } from "./counts";
import { Resend, resendable } from "./Resend";
import { Settle } from "./Settle";

type Count = Schema<"ReasonCount">;

const often = 15_000; // ms between two looks while the run goes on; each goes through all of its messages

/** Who of a run did not get it, by reason in words, with what can be done about it. */
export function Reasons({ campaign, run }: { campaign: Schema<"Campaign">; run: Schema<"Run"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const [again, setAgain] = useState<Count>();
  const [settled, setSettled] = useState<Schema<"SettleInput">["as"]>();
  const other = !plain(run);
  const active = run.finished_at === undefined;
  const read = api.useQuery("get", "/v1/runs/{id}/reasons", { params: { path: { id: run.id } } }, { enabled: other, refetchInterval: active && often });
  const { refetch } = read;
  // What it came to in the end is looked at once more.
  useEffect(() => {
    if (!active && other) void refetch();
  }, [active, other, refetch]);
  if (!other) return null;
  const filter = (c: Count) => ({ campaign: String(campaign.id), run: String(run.id), state: c.state, reason: c.reason });
  return (
    <Part title={t("reason.title")}>
      <Rows<Count>
        label={t("reason.title")}
        rows={read.data?.items ?? undefined}
        id={(c) => c.state + c.reason}
        error={read.error}
        empty={<Text size="sm">{t("reason.none")}</Text>}
        columns={[
          {
            key: "n",
            label: t("reason.column.n"),
            numbers: true,
            cell: (c) => (
              <TextLink to="/messages" search={filter(c)}>
                {format.number(c.messages)}
              </TextLink>
            ),
          },
          { key: "state", label: t("reason.column.state"), wide: true, cell: (c) => <StateBadge state={c.state} /> },
          { key: "why", label: t("reason.column.why"), cell: (c) => t(`reason.means.${c.reason}`) },
          { key: "remedy", label: t("reason.column.remedy"), wide: true, cell: (c) => <Text size="sm">{t(`reason.remedy.${c.reason}`)}</Text> },
          {
            key: "do",
            label: t("common.actions"),
            cell: (c) =>
              edits && (
                <Group gap={6} justify="flex-end">
                  <Button
                    size="compact-xs"
                    variant="default"
                    component="a"
                    download
                    href={`/v1/runs/${run.id}/messages.csv?${new URLSearchParams({ state: c.state, reason: c.reason })}`}
                    aria-label={t("reason.csvOf", { why: t(`reason.means.${c.reason}`) })}
                  >
                    {t("reason.csv")}
                  </Button>
                  {c.state === "unknown" &&
                    (["sent", "not_sent"] as const).map((as) => (
                      <Button key={as} size="compact-xs" variant="default" onClick={() => setSettled(as)}>
                        {t(`settle.${as}`)}
                      </Button>
                    ))}
                  {!active && resendable(c.state) && (
                    <Button
                      size="compact-xs"
                      aria-label={t("reason.sendToLong", { n: format.number(c.messages), why: t(`reason.means.${c.reason}`) })}
                      onClick={() => setAgain(c)}
                    >
                      {t("reason.sendTo", { n: format.number(c.messages) })}
                    </Button>
                  )}
                </Group>
              ),
          },
        ]}
      />
      {settled && <Settle of={{ run_id: run.id }} as={settled} close={() => setSettled(undefined)} />}
      {again && <Resend campaign={campaign} run={run.id} only={again} close={() => setAgain(undefined)} />}
    </Part>
  );
}
