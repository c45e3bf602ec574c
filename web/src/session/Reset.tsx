import { Alert, Button, PasswordInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { wrong } from "@/api/problem";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";

import { Outside } from "./Outside";
import { useToken } from "./token";

/** Sets a new password by a link, once. */
export default function Reset() {
  const { t } = useTranslation();
  const token = useToken();
  const [password, setPassword] = useState("");
  const reset = api.useMutation("post", "/v1/password/reset");
  return (
    <Outside title={t("session.newPassword")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          reset.mutate({ body: { token, password } });
        }}
      >
        <Stack>
          {token === "" && <Text>{t("session.noToken")}</Text>}
          {token !== "" && !reset.isSuccess && (
            <>
              <PasswordInput
                label={t("session.newPassword")}
                description={t("session.newPasswordHint")}
                autoComplete="new-password"
                required
                autoFocus
                error={wrong(reset.error, "password")}
                value={password}
                onChange={(e) => setPassword(e.currentTarget.value)}
              />
              <Failure error={reset.error} fields={["password"]} />
              <Button type="submit" loading={reset.isPending}>
                {t("session.setPassword")}
              </Button>
            </>
          )}
          {reset.isSuccess && <Alert color="green">{t("session.passwordSet")}</Alert>}
          <TextLink to="/sign-in">
            {t("session.backToSignIn")}
          </TextLink>
        </Stack>
      </form>
    </Outside>
  );
}
