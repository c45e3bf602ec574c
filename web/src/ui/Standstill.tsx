import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";

import { TextLink } from "./links";

/** Says what to do about a standstill in the console's terms: by its buttons, where the API names commands. */
export function Remedy({ of }: { of: Pick<Schema<"Standstill">, "reason"> }) {
  const { t } = useTranslation();
  return t(`standstill.remedy.${of.reason}`, { goOn: t("channel.resume"), pause: t("channel.pause"), resume: t("campaign.resume") });
}

/** Says what keeps messages from going out, and what to do; it leads to the campaign or the channel that it is of. */
export function Hindrance({ of }: { of: Schema<"Hindrance"> }) {
  return (
    <>
      {of.campaign_id !== undefined ? (
        <TextLink to="/campaigns/$id" params={{ id: String(of.campaign_id) }}>
          {of.words}
        </TextLink>
      ) : of.channel_id !== undefined ? (
        <TextLink to="/channels/$id" params={{ id: String(of.channel_id) }}>
          {of.words}
        </TextLink>
      ) : (
        of.words
      )}{" "}
      <Remedy of={of} />
    </>
  );
}
