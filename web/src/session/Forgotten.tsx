import { Alert, Button, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";

import { Outside } from "./Outside";

/** Asks for a link for a new password. What it says tells nobody who is known here. */
export default function Forgotten() {
  const { t } = useTranslation();
  const [email, setEmail] = useState("");
  const ask = api.useMutation("post", "/v1/password/forgotten");
  return (
    <Outside title={t("session.forgotten")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          ask.mutate({ body: { email } });
        }}
      >
        <Stack>
          <Text size="sm">{t("session.forgottenHint")}</Text>
          <TextInput
            label={t("session.email")}
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(e) => setEmail(e.currentTarget.value)}
          />
          <Failure error={ask.error} />
          {ask.isSuccess && <Alert color="green">{t("session.linkSent")}</Alert>}
          <Button type="submit" loading={ask.isPending}>
            {t("session.askLink")}
          </Button>
          <TextLink to="/sign-in" size="sm">
            {t("session.backToSignIn")}
          </TextLink>
        </Stack>
      </form>
    </Outside>
  );
}
