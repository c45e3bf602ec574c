import { Badge, Button, Checkbox, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { type Role, roles, useSession } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { Once } from "@/ui/Once";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { Sessions } from "./Sessions";
import { SettingsPage } from "./SettingsPage";

/** A link to a page of the console, where the server knows no address of its own. */
const linkOf = (path: "/invitation" | "/reset", made: { token: string; link?: string }) => made.link ?? `${window.location.origin}${path}#${encodeURIComponent(made.token)}`;

/** Who may come into the account, and as what. */
export default function People() {
  const { t } = useTranslation();
  const [shown, setShown] = useState<{ title: string; hint: string; text: string }>();
  return (
    <SettingsPage title={t("settings.people")}>
      <Stack>
        {shown && <Once {...shown} done={() => setShown(undefined)} />}
        <Part title={t("settings.people")}>
          <Users show={(who, made) => setShown({ title: t("people.resetLink", { who }), hint: t("people.resetLinkHint"), text: linkOf("/reset", made) })} />
        </Part>
        <Part title={t("people.invite")}>
          <Invite show={(who, made) => setShown({ title: t("people.link", { who }), hint: t("people.linkHint"), text: linkOf("/invitation", made) })} />
        </Part>
        <Part title={t("people.invitations")}>
          <Invitations />
        </Part>
      </Stack>
    </SettingsPage>
  );
}

type Show = (who: string, made: { token: string; link?: string }) => void;

function Users({ show }: { show: Show }) {
  const { t } = useTranslation();
  const session = useSession();
  const list = api.useInfiniteQuery("get", "/v1/users", { params: { query: {} } }, pages);
  const change = api.useMutation("patch", "/v1/users/{id}", { onSettled: () => refresh("/v1/users", "/v1/session") });
  const [asked, setAsked] = useState<{ what: "remove" | "reset" | "sessions"; user: Schema<"User"> }>();
  const [without, setWithout] = useState(false);
  const name = (u: Schema<"User">) => u.name || u.email;
  return (
    <Stack gap="sm">
      <Failure error={change.error} />
      <Rows<Schema<"User">>
        label={t("settings.people")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(u) => u.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={null}
        columns={[
          {
            key: "name",
            label: t("session.name"),
            cell: (u) => (
              <Group gap={6}>
                {u.name}
                {u.id === session.user_id && <Badge variant="default">{t("people.you")}</Badge>}
                {u.barred && (
                  <Badge color="red" title={t("people.barredHint")}>
                    {t("people.barred")}
                  </Badge>
                )}
              </Group>
            ),
          },
          { key: "email", label: t("session.email"), wide: true, cell: (u) => u.email },
          {
            key: "role",
            label: t("people.role"),
            cell: (u) => (
              <NativeSelect
                size="xs"
                aria-label={t("people.roleOf", { who: name(u) })}
                value={u.role}
                miw="6.5rem"
                // Nobody shuts the door on themselves by a slip: somebody else does that.
                disabled={change.isPending || u.id === session.user_id}
                onChange={(e) => change.mutate({ params: { path: { id: u.id } }, body: { role: e.currentTarget.value as Role } })}
                data={roles.map((value) => ({ value, label: t(`role.${value}`) }))}
              />
            ),
          },
          {
            key: "approver",
            label: t("people.approver"),
            wide: true,
            cell: (u) => (
              <Checkbox
                aria-label={t("people.approverNamed", { who: name(u) })}
                checked={u.approver}
                disabled={change.isPending}
                onChange={(e) => change.mutate({ params: { path: { id: u.id } }, body: { approver: e.currentTarget.checked } })}
              />
            ),
          },
          { key: "factor", label: t("people.secondFactor"), wide: true, cell: (u) => (u.has_totp || u.passkeys > 0 ? "✓" : t("people.noFactor")) },
          { key: "seen", label: t("people.signedIn"), wide: true, cell: (u) => <When at={u.last_sign_in_at} /> },
          {
            key: "actions",
            label: t("common.actions"),
            cell: (u) => (
              <Group gap={4}>
                <Button size="compact-xs" variant="default" aria-label={`${t("me.sessions")}: ${name(u)}`} onClick={() => setAsked({ what: "sessions", user: u })}>
                  {t("me.sessions")}
                </Button>
                <Button size="compact-xs" variant="default" aria-label={t("people.resetNamed", { who: name(u) })} onClick={() => setAsked({ what: "reset", user: u })}>
                  {t("people.reset")}
                </Button>
                {u.id !== session.user_id && (
                  <Button size="compact-xs" variant="default" aria-label={t("people.removeNamed", { who: name(u) })} onClick={() => setAsked({ what: "remove", user: u })}>
                    {t("people.remove")}
                  </Button>
                )}
              </Group>
            ),
          },
        ]}
      />
      {asked?.what === "sessions" && <Sessions user={asked.user} name={name(asked.user)} close={() => setAsked(undefined)} />}
      {asked?.what === "reset" && (
        <Ask
          opened
          title={t("people.resetTitle", { who: name(asked.user) })}
          action={t("people.reset")}
          run={async () => {
            const { data } = await client.POST("/v1/users/{id}/reset", { params: { path: { id: asked.user.id } }, body: { without_totp: without } });
            if (data) show(name(asked.user), data);
          }}
          close={() => {
            setWithout(false);
            setAsked(undefined);
          }}
        >
          <Stack gap="xs">
            <Text size="sm">{t("people.resetHint")}</Text>
            <Checkbox label={t("people.withoutFactor")} description={t("people.withoutFactorHint")} checked={without} onChange={(e) => setWithout(e.currentTarget.checked)} />
          </Stack>
        </Ask>
      )}
      {asked?.what === "remove" && (
        <Ask
          opened
          danger
          title={t("people.removeTitle", { who: name(asked.user) })}
          action={t("people.remove")}
          run={async () => {
            await client.DELETE("/v1/users/{id}", { params: { path: { id: asked.user.id } } });
            await refresh("/v1/users", "/v1/session");
          }}
          close={() => setAsked(undefined)}
        >
          {t("people.removeHint", { email: asked.user.email })}
        </Ask>
      )}
    </Stack>
  );
}

function Invite({ show }: { show: Show }) {
  const { t } = useTranslation();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("editor");
  const [approver, setApprover] = useState(false);
  const invite = api.useMutation("post", "/v1/invitations", {
    onSuccess: (made) => {
      show(made.email, made);
      setEmail("");
      setApprover(false);
      return refresh("/v1/invitations");
    },
  });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        invite.mutate({ body: { email: email.trim(), role, approver } });
      }}
    >
      <Stack gap="sm">
        <Group align="flex-start">
          <TextInput
            type="email"
            label={t("session.email")}
            required
            miw="16rem"
            value={email}
            error={wrong(invite.error, "email")}
            onChange={(e) => setEmail(e.currentTarget.value)}
          />
          <NativeSelect
            label={t("people.role")}
            value={role}
            error={wrong(invite.error, "role")}
            onChange={(e) => setRole(e.currentTarget.value as Role)}
            data={roles.map((value) => ({ value, label: t(`role.${value}`) }))}
          />
        </Group>
        <Text size="sm" c="dimmed">
          {t(`people.may.${role}`)}
        </Text>
        <Checkbox label={t("people.approver")} description={t("people.approverHint")} checked={approver} onChange={(e) => setApprover(e.currentTarget.checked)} />
        <Failure error={invite.error} fields={["email", "role"]} />
        <Group>
          <Button type="submit" loading={invite.isPending}>
            {t("people.invite")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Invitations() {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/invitations", { params: { query: {} } }, pages);
  const drop = api.useMutation("delete", "/v1/invitations/{id}", { onSuccess: () => refresh("/v1/invitations") });
  return (
    <Stack gap="sm">
      <Failure error={drop.error} />
      <Rows<Schema<"Invitation">>
        label={t("people.invitations")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(i) => i.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Text size="sm">{t("people.noInvitations")}</Text>}
        columns={[
          { key: "email", label: t("session.email"), cell: (i) => i.email || t("people.anybody") },
          { key: "role", label: t("people.role"), cell: (i) => t(`role.${i.role}`) },
          { key: "by", label: t("people.invitedBy"), wide: true, cell: (i) => i.invited_by },
          { key: "ends", label: t("people.ends"), cell: (i) => <When at={i.ends_at} /> },
          {
            key: "actions",
            label: t("common.actions"),
            cell: (i) => (
              <Button
                size="compact-xs"
                variant="default"
                aria-label={t("people.takeBackNamed", { who: i.email })}
                loading={drop.isPending && drop.variables.params.path.id === i.id}
                onClick={() => drop.mutate({ params: { path: { id: i.id } } })}
              >
                {t("people.takeBack")}
              </Button>
            ),
          },
        ]}
      />
    </Stack>
  );
}
