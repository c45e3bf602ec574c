import { useTranslation } from "react-i18next";

import { type Schema } from "@/api/client";

import { useReason } from "./reason";
import { When } from "./When";

/** Why a channel sends no faster. */
export function Why({ pace }: { pace: Schema<"QueuePace"> }) {
  const { t } = useTranslation();
  const why = useReason();
  if (!pace.reason) return t("queue.why.nothing");
  return (
    <>
      {t(`queue.why.${pace.reason}`)}
      {pace.reason === "due_later" && pace.wait_reason && <>: {why(pace.wait_reason)}</>}
      {pace.until && (
        <>
          {", "}
          {t("queue.until")} <When at={pace.until} exact />
        </>
      )}
    </>
  );
}
