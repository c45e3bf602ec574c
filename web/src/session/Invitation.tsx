import { Button, Loader, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client } from "@/api/client";
import { Problem } from "@/api/problem";
import { begin } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";

import { Outside } from "./Outside";
import { useToken } from "./token";

/** Takes an invitation, that of the first person as well: it asks for an address where the invitation names none. */
export default function Invitation() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const token = useToken();
  const shown = api.useQuery("post", "/v1/invitation", { body: { token } }, { enabled: token !== "", staleTime: Infinity });
  const [name, setName] = useState("");
  const [own, setOwn] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const problem = error instanceof Problem ? error : undefined;
  const first = shown.data?.email === "";
  const email = first ? own : (shown.data?.email ?? "");

  const accept = async () => {
    setBusy(true);
    setError(null);
    try {
      await client.POST("/v1/invitation/accept", { body: { token, name, password, ...(first ? { email } : {}) } });
      const { data } = await client.POST("/v1/session", { body: { email, password } });
      if (data) await begin(data);
      await navigate({ to: "/" });
    } catch (e) {
      // Who has a second factor has to give it, on the page that asks for it.
      if (e instanceof Problem && e.code === "second_factor") await navigate({ to: "/sign-in" });
      else setError(e);
    } finally {
      setBusy(false);
    }
  };

  if (token === "" || shown.error) {
    return (
      <Outside title={t("session.invitation")}>
        <Stack>
          {shown.error ? <Failure error={shown.error} /> : <Text>{t("session.noToken")}</Text>}
          <TextLink to="/sign-in">
            {t("session.backToSignIn")}
          </TextLink>
        </Stack>
      </Outside>
    );
  }
  if (!shown.data) {
    return (
      <Outside title={t("session.invitation")}>
        <Loader aria-label={t("common.loading")} />
      </Outside>
    );
  }
  return (
    <Outside title={first ? t("session.welcome") : t("session.invitation")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void accept();
        }}
      >
        <Stack>
          <Text size="sm">
            {first ? t("session.welcomeHint") : t("session.invitedBy", { who: shown.data.invited_by, role: t(`role.${shown.data.role}`) })}
          </Text>
          {first ? (
            <TextInput
              label={t("session.email")}
              type="email"
              autoComplete="username"
              required
              autoFocus
              error={problem?.at("email")}
              value={own}
              onChange={(e) => setOwn(e.currentTarget.value)}
            />
          ) : (
            <TextInput label={t("session.email")} autoComplete="username" readOnly value={email} />
          )}
          <TextInput
            label={t("session.name")}
            autoComplete="name"
            required
            autoFocus={!first}
            error={problem?.at("name")}
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
          />
          <PasswordInput
            label={t("session.password")}
            description={first ? t("session.newPasswordHint") : t("session.invitedPasswordHint")}
            autoComplete="new-password"
            required
            error={problem?.at("password")}
            value={password}
            onChange={(e) => setPassword(e.currentTarget.value)}
          />
          <Failure error={error} fields={["email", "name", "password"]} />
          <Button type="submit" loading={busy}>
            {t("session.accept")}
          </Button>
        </Stack>
      </form>
    </Outside>
  );
}
