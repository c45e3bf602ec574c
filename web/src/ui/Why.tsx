import { useTranslation } from "react-i18next";

import { type Schema } from "@/api/client";

import { useFormat } from "./format";
import { useReason } from "./reason";
import { When } from "./When";

/** Why a channel sends no faster, and which mailbox providers get less than that. */
export function Why({ pace }: { pace: Schema<"QueuePace"> }) {
  return (
    <>
      <Reason pace={pace} />
      {pace.mailboxes?.map((m) => (
        <span key={m.mailbox} style={{ display: "block" }}>
          <Mailbox at={m} />
        </span>
      ))}
    </>
  );
}

function Reason({ pace }: { pace: Schema<"QueuePace"> }) {
  const { t } = useTranslation();
  const why = useReason();
  if (!pace.reason) return t("queue.why.nothing");
  return (
    <>
      {t(`queue.why.${pace.reason}`)}
      {pace.reason === "due_later" && pace.wait_reason && <>: {why(pace.wait_reason)}</>}
      <Until at={pace.until} />
    </>
  );
}

function Mailbox({ at: m }: { at: Schema<"MailboxPace"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const name = m.mailbox;
  if (m.reason === "channel.warm_up") return t("queue.mailbox.warms", { name, n: format.number(m.recipients_per_day ?? 0) });
  const most = m.most_per_second ?? 0;
  return (
    <>
      {most === 0 ? t("queue.mailbox.rests", { name }) : t("queue.mailbox.slowed", { name, most: t("run.rate", { rate: format.number(Math.round(most * 100) / 100) }) })}
      <Until at={m.until} />
    </>
  );
}

function Until({ at }: { at: string | undefined }) {
  const { t } = useTranslation();
  if (!at) return null;
  return (
    <>
      {", "}
      {t("queue.until")} <When at={at} exact />
    </>
  );
}
