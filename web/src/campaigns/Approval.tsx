import { Alert, Button, Group, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, refresh, type Schema } from "@/api/client";
import { useMay, useSession } from "@/app/session";
import { Ask } from "@/ui/ask";
import { When } from "@/ui/When";

type Step = "propose" | "approve" | "reject";

const colors = { proposed: "cyan", approved: "green", rejected: "red" } as const;

/** What was said of a campaign before it is started, and what is to be said next. Nothing of it is shown where nobody asks for approval. */
export function Approval({ campaign, required }: { campaign: Schema<"Campaign">; required: boolean }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const { approver } = useSession().account;
  const [step, setStep] = useState<Step>();
  const said = campaign.approval;
  if (campaign.status !== "draft" || (!said && !required)) return null;
  const proposed = said?.state === "proposed" && said.current;
  const steps: Step[] = proposed ? ["approve", "reject"] : said?.state === "approved" && said.current ? [] : ["propose"];
  return (
    <Alert color={said?.current ? colors[said.state] : "orange"} title={t(said ? (said.current ? `approval.${said.state}` : "approval.void") : "approval.needed")} role="status">
      <Stack gap="xs">
        {said && (
          <Text size="sm">
            {t("approval.by", { who: said.decided_by ?? said.proposed_by })} <When at={said.decided_at ?? said.proposed_at} exact />
          </Text>
        )}
        {said?.note && <Text style={{ whiteSpace: "pre-wrap" }}>{said.note}</Text>}
        {proposed && <Text size="sm">{t("approval.another")}</Text>}
        {(proposed ? approver : edits) && (
          <Group gap="xs">
            {steps.map((s) => (
              <Button key={s} size="xs" variant={s === "reject" ? "default" : "filled"} onClick={() => setStep(s)}>
                {t(`approval.step.${s}`)}
              </Button>
            ))}
          </Group>
        )}
      </Stack>
      {step && <Say id={campaign.id} step={step} close={() => setStep(undefined)} />}
    </Alert>
  );
}

const paths = { propose: "/v1/campaigns/{id}/propose", approve: "/v1/campaigns/{id}/approve", reject: "/v1/campaigns/{id}/reject" } as const;

function Say({ id, step, close }: { id: number; step: Step; close: () => void }) {
  const { t } = useTranslation();
  const [note, setNote] = useState("");
  return (
    <Ask
      opened
      title={t(`approval.step.${step}`)}
      action={t(`approval.step.${step}`)}
      danger={step === "reject"}
      run={async () => {
        await client.POST(paths[step], { params: { path: { id } }, body: note ? { note } : {} });
        await refresh("/v1/campaigns", "/v1/status");
      }}
      close={close}
    >
      <Textarea label={t("approval.note")} description={t("approval.noteHint")} autosize minRows={2} value={note} onChange={(e) => setNote(e.currentTarget.value)} />
    </Ask>
  );
}
