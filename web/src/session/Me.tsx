import { Alert, Button, Code, Group, Image, List, NativeSelect, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useRouter } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries, refresh, type Schema } from "@/api/client";
import { Problem, wrong } from "@/api/problem";
import { useSession } from "@/app/session";
import { choose, type Language, languages } from "@/i18n";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { hasPasskeys, makePasskey } from "./passkey";

/** One's own: name, language, password, second factors, sign-ins. */
export default function Me() {
  const { t } = useTranslation();
  return (
    <Page title={t("shell.me")}>
      <Stack maw="48rem">
        <Names />
        <Password />
        <App />
        <Passkeys />
        <Sessions />
      </Stack>
    </Page>
  );
}

/** Says that something was done, until something else is. */
function Done({ children }: { children: ReactNode }) {
  return (
    <Alert color="green" role="status">
      {children}
    </Alert>
  );
}

function Names() {
  const { t, i18n } = useTranslation();
  const session = useSession();
  const [name, setName] = useState(session.name);
  const rename = api.useMutation("patch", "/v1/me", { onSuccess: () => refresh("/v1/session") });
  return (
    <Part title={session.email}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          rename.mutate({ body: { name } });
        }}
      >
        <Stack gap="sm">
          <Group align="flex-end">
            <TextInput label={t("session.name")} value={name} error={wrong(rename.error, "name")} onChange={(e) => setName(e.currentTarget.value)} />
            <Button type="submit" variant="default" loading={rename.isPending} disabled={name === session.name}>
              {t("common.save")}
            </Button>
          </Group>
          <Failure error={rename.error} fields={["name"]} />
          <NativeSelect
            maw="14rem"
            label={t("common.language")}
            value={i18n.language}
            onChange={(e) => void choose(e.currentTarget.value as Language)}
            data={Object.entries(languages).map(([value, label]) => ({ value, label }))}
          />
        </Stack>
      </form>
    </Part>
  );
}

function Password() {
  const { t } = useTranslation();
  const session = useSession();
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const change = api.useMutation("put", "/v1/me/password", {
    onSuccess: () => {
      setPresent("");
      setNext("");
      return refresh("/v1/session", "/v1/me/sessions");
    },
  });
  return (
    <Part title={t("session.password")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          change.mutate({ body: { new: next, ...(session.has_password ? { present } : {}) } });
        }}
      >
        <Stack gap="sm" maw="24rem">
          <input type="text" name="username" autoComplete="username" value={session.email} readOnly hidden />
          {session.has_password && (
            <PasswordInput
              label={t("me.present")}
              autoComplete="current-password"
              required
              error={wrong(change.error, "present")}
              value={present}
              onChange={(e) => setPresent(e.currentTarget.value)}
            />
          )}
          <PasswordInput
            label={t("session.newPassword")}
            description={t("session.newPasswordHint")}
            autoComplete="new-password"
            required
            error={wrong(change.error, "new")}
            value={next}
            onChange={(e) => setNext(e.currentTarget.value)}
          />
          <Failure error={change.error} fields={["present", "new"]} />
          {change.isSuccess && <Done>{t("me.passwordChanged")}</Done>}
          <Button type="submit" variant="default" loading={change.isPending}>
            {t("session.setPassword")}
          </Button>
        </Stack>
      </form>
    </Part>
  );
}

/** Recovery codes, which are shown this once. */
function Codes({ codes }: { codes: string[] }) {
  const { t } = useTranslation();
  return (
    <Alert color="cyan" title={t("me.recovery")} role="status">
      <Text size="sm">{t("me.recoveryHint")}</Text>
      <List listStyleType="none" size="sm">
        {codes.map((code) => (
          <List.Item key={code}>
            <Code>{code}</Code>
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

/** An authenticator app as a second factor. */
function App() {
  const { t } = useTranslation();
  const session = useSession();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const changed = () => {
    setPassword("");
    setCode("");
    return refresh("/v1/session", "/v1/me");
  };
  const start = api.useMutation("post", "/v1/me/totp");
  const set = api.useMutation("put", "/v1/me/totp", { onSuccess: changed });
  const drop = api.useMutation("post", "/v1/me/totp/drop", { onSuccess: changed });
  const proof = (
    <>
      <TextInput label={t("session.code")} autoComplete="one-time-code" required value={code} onChange={(e) => setCode(e.currentTarget.value.trim())} />
      <PasswordInput
        label={t("session.password")}
        autoComplete="current-password"
        required
        value={password}
        onChange={(e) => setPassword(e.currentTarget.value)}
      />
    </>
  );
  return (
    <Part title={t("me.app")}>
      <Stack gap="sm" maw="24rem">
        {set.data && <Codes codes={set.data.codes ?? []} />}
        {session.has_totp && (
          <form
            onSubmit={(e) => {
              e.preventDefault();
              drop.mutate({ body: { code, password } });
            }}
          >
            <Stack gap="sm">
              <Text size="sm">{t("me.appOn", { count: session.recovery_left })}</Text>
              {proof}
              <Failure error={drop.error} />
              <Button type="submit" color="red" variant="outline" loading={drop.isPending}>
                {t("me.appDrop")}
              </Button>
            </Stack>
          </form>
        )}
        {!session.has_totp && !start.data && (
          <>
            <Text size="sm">{t("me.appHint")}</Text>
            <Failure error={start.error} />
            <Button variant="default" loading={start.isPending} onClick={() => start.mutate({})}>
              {t("me.appAdd")}
            </Button>
          </>
        )}
        {!session.has_totp && start.data && (
          <form
            onSubmit={(e) => {
              e.preventDefault();
              set.mutate({ body: { secret: start.data.secret, code, password } });
            }}
          >
            <Stack gap="sm">
              <Text size="sm">{t("me.appScan")}</Text>
              <Image src={`data:image/png;base64,${start.data.png}`} alt={t("me.appPicture")} w={200} h={200} />
              <Text size="sm">
                {t("me.appSecret")} <Code>{start.data.secret}</Code>
              </Text>
              {proof}
              <Failure error={set.error} />
              <Button type="submit" loading={set.isPending}>
                {t("me.appSet")}
              </Button>
            </Stack>
          </form>
        )}
      </Stack>
    </Part>
  );
}

function Passkeys() {
  const { t } = useTranslation();
  const list = api.useQuery("get", "/v1/me/passkeys");
  const [asked, setAsked] = useState<"add" | Schema<"Passkey">>();
  const [password, setPassword] = useState("");
  const [name, setName] = useState("");
  const [codes, setCodes] = useState<string[]>([]);
  const changed = () => {
    setPassword("");
    return refresh("/v1/session", "/v1/me");
  };
  const add = async () => {
    const { data: begun } = await client.POST("/v1/me/passkeys/begin", { body: { password } });
    const given = begun && (await makePasskey(begun));
    if (!given) throw new Problem({ code: "canceled", status: 0, detail: t("me.passkeyNone") });
    const { data: made } = await client.POST("/v1/me/passkeys", { body: { name, ...given } });
    setCodes(made?.codes ?? []);
    setName("");
    await changed();
  };
  const proof = (
    <PasswordInput
      label={t("session.password")}
      autoComplete="current-password"
      required
      value={password}
      onChange={(e) => setPassword(e.currentTarget.value)}
    />
  );
  return (
    <Part title={t("me.passkeys")}>
      <Stack gap="sm">
        {codes.length > 0 && <Codes codes={codes} />}
        <Rows<Schema<"Passkey">>
          label={t("me.passkeys")}
          rows={list.data && (list.data.items ?? [])}
          id={(k) => k.id}
          error={list.error}
          empty={<Text size="sm">{t("me.passkeysHint")}</Text>}
          columns={[
            { key: "name", label: t("session.name"), cell: (k) => k.name },
            { key: "used", label: t("me.used"), cell: (k) => <When at={k.last_used_at} /> },
            {
              key: "drop",
              label: t("common.actions"),
              cell: (k) => (
                <Button size="compact-xs" variant="default" onClick={() => setAsked(k)}>
                  {t("me.passkeyDrop")}
                </Button>
              ),
            },
          ]}
        />
        {hasPasskeys() && (
          <Group>
            <Button variant="default" onClick={() => setAsked("add")}>
              {t("me.passkeyAdd")}
            </Button>
          </Group>
        )}
        <Ask opened={asked === "add"} title={t("me.passkeyAdd")} action={t("me.passkeyAdd")} run={add} close={() => setAsked(undefined)}>
          <Stack gap="sm">
            <TextInput label={t("me.passkeyName")} required value={name} onChange={(e) => setName(e.currentTarget.value)} />
            {proof}
          </Stack>
        </Ask>
        {asked !== undefined && asked !== "add" && (
          <Ask
            opened
            danger
            title={t("me.passkeyDropTitle", { name: asked.name })}
            action={t("me.passkeyDrop")}
            run={async () => {
              await client.POST("/v1/me/passkeys/{id}/drop", { params: { path: { id: asked.id } }, body: { password } });
              await changed();
            }}
            close={() => setAsked(undefined)}
          >
            {proof}
          </Ask>
        )}
      </Stack>
    </Part>
  );
}

function Sessions() {
  const { t } = useTranslation();
  const router = useRouter();
  const list = api.useQuery("get", "/v1/me/sessions");
  const [error, setError] = useState<unknown>(null);
  const end = async (which?: Schema<"UserSession">) => {
    setError(null);
    try {
      if (which) await client.DELETE("/v1/me/sessions/{id}", { params: { path: { id: which.id } } });
      else await client.DELETE("/v1/me/sessions");
      if (which?.current) {
        queries.clear();
        await router.navigate({ to: "/sign-in" });
      } else await refresh("/v1/me/sessions");
    } catch (e) {
      setError(e);
    }
  };
  return (
    <Part title={t("me.sessions")}>
      <Stack gap="sm">
        <Failure error={error} />
        <Rows<Schema<"UserSession">>
          label={t("me.sessions")}
          rows={list.data && (list.data.items ?? [])}
          id={(s) => s.id}
          error={list.error}
          empty={null}
          columns={[
            {
              key: "where",
              label: t("me.where"),
              cell: (s) => (
                <Text size="sm" lineClamp={1} title={s.agent}>
                  {s.current ? `${t("me.this")} · ` : ""}
                  {s.source} · {s.agent}
                </Text>
              ),
            },
            { key: "seen", label: t("me.seen"), cell: (s) => <When at={s.seen_at} /> },
            {
              key: "end",
              label: t("common.actions"),
              cell: (s) => (
                <Button size="compact-xs" variant="default" onClick={() => void end(s)}>
                  {t("me.end")}
                </Button>
              ),
            },
          ]}
        />
        <Group>
          <Button variant="default" onClick={() => void end()}>
            {t("me.endOthers")}
          </Button>
        </Group>
      </Stack>
    </Part>
  );
}
