import { Stack, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Problem } from "@/api/problem";

import { ChatFields } from "./ChatFields";
import type { Translation } from "./definition";
import { EmailFields } from "./EmailFields";

/** Fields of a translation, which say what is wrong with them. */
export const translationFields = ["email", "body", "footer", "header", "buttons"];

/** A template in one language, on each kind of channel that it is for. */
export function TranslationFields({ translation, kinds, set, problem }: { translation: Translation; kinds: readonly string[]; set: (to: Translation) => void; problem: Problem | undefined }) {
  const { t } = useTranslation();
  const email = kinds.includes("email");
  const chat = kinds.some((kind) => kind !== "email");
  return (
    <Stack>
      {email && (
        <Stack gap="xs" component="section">
          {chat && (
            <Title order={3} size="h5">
              {t("templates.asMail")}
            </Title>
          )}
          <EmailFields
            email={translation.email ?? { subject: "" }}
            set={(change) => set({ ...translation, email: { ...(translation.email ?? { subject: "" }), ...change } })}
            problem={problem}
          />
        </Stack>
      )}
      {chat && (
        <Stack gap="xs" component="section">
          {email && (
            <Title order={3} size="h5">
              {t("templates.asMessage")}
            </Title>
          )}
          <ChatFields translation={translation} set={(change) => set({ ...translation, ...change })} problem={problem} />
        </Stack>
      )}
    </Stack>
  );
}
