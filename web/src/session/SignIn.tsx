import { Alert, Button, Divider, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { Problem } from "@/api/problem";
import { begin } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";

import { Outside } from "./Outside";
import { askPasskey, hasPasskeys } from "./passkey";

/** The way in: by password and what else the person has, by a passkey alone, or through an identity provider. */
export default function SignIn() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const router = useRouter();
  const { then, ended } = useSearch({ from: "/sign-in" });
  const ways = api.useQuery("get", "/v1/session/ways");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [second, setSecond] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const attempt = async (sign: () => Promise<Schema<"Session"> | undefined>) => {
    setBusy(true);
    setError(null);
    try {
      const session = await sign();
      if (!session) return;
      await begin(session);
      // A link that came in from elsewhere leads nowhere else.
      if (then?.startsWith("/") && !then.startsWith("//")) router.history.push(then);
      else await navigate({ to: "/" });
    } catch (e) {
      if (e instanceof Problem && e.code === "second_factor") {
        setSecond(true);
        if (!second) return;
      }
      setError(e);
    } finally {
      setBusy(false);
    }
  };

  const byPassword = () =>
    attempt(async () => (await client.POST("/v1/session", { body: { email, password, ...(code ? { code } : {}) } })).data);
  const byPasskey = () =>
    attempt(async () => {
      const passkey = await askPasskey();
      if (!passkey) return undefined;
      if (second) return (await client.POST("/v1/session", { body: { email, password, passkey } })).data;
      return (await client.POST("/v1/session/passkey", { body: passkey })).data;
    });

  return (
    <Outside title={t("session.signIn")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void byPassword();
        }}
      >
        <Stack>
          {ended && <Alert color="yellow">{t("session.ended")}</Alert>}
          {ways.data?.nobody && <Alert color="cyan">{t("session.nobody")}</Alert>}
          {!second && (
            <>
              <TextInput
                label={t("session.email")}
                type="email"
                autoComplete="username webauthn"
                required
                autoFocus
                value={email}
                onChange={(e) => setEmail(e.currentTarget.value)}
              />
              <PasswordInput
                label={t("session.password")}
                autoComplete="current-password"
                required
                value={password}
                onChange={(e) => setPassword(e.currentTarget.value)}
              />
            </>
          )}
          {second && (
            <>
              <Text size="sm">{t("session.secondFactor")}</Text>
              <TextInput
                label={t("session.code")}
                description={t("session.codeHint")}
                autoComplete="one-time-code"
                autoFocus
                value={code}
                onChange={(e) => setCode(e.currentTarget.value.trim())}
              />
            </>
          )}
          <Failure error={error} />
          <Button type="submit" loading={busy}>
            {t("session.signIn")}
          </Button>
          {hasPasskeys() && (
            <Button variant="default" onClick={() => void byPasskey()} disabled={busy}>
              {t("session.withPasskey")}
            </Button>
          )}
          {!second && (ways.data?.identity_providers ?? []).length > 0 && (
            <>
              <Divider label={t("session.or")} />
              {(ways.data?.identity_providers ?? []).map((provider) => (
                <Button key={provider.id} component="a" href={`/sign-in/${provider.id}`} variant="default">
                  {t("session.through", { name: provider.name })}
                </Button>
              ))}
            </>
          )}
          <TextLink to="/forgotten" size="sm">
            {t("session.forgotten")}
          </TextLink>
        </Stack>
      </form>
    </Outside>
  );
}
