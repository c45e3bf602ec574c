import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { useFormat } from "@/ui/format";

/** Says how fast a channel may send. */
export function useAtMost(): (channel: Pick<Schema<"Channel">, "limits">) => string {
  const { t } = useTranslation();
  const format = useFormat();
  return ({ limits }) => (limits.per_second ? t("run.rate", { rate: format.number(limits.per_second) }) : t("channels.noLimit"));
}
