import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";

type Reason = Schema<"ReasonCount">["reason"];

/** Says why a message is in its state, in words; what has none, such as a provider's own code, as it is. */
export function useReason(): (code: string | undefined) => string {
  const { t, i18n } = useTranslation();
  return (code) => {
    if (!code) return "";
    const key = `reason.means.${code as Reason}` as const;
    const known: boolean = i18n.exists(key);
    return known ? t(key) : code;
  };
}
