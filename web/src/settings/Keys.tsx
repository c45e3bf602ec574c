import { Badge, Button, Group, NativeSelect, NumberInput, SimpleGrid, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { type Role, roles } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { Once } from "@/ui/Once";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { SettingsPage } from "./SettingsPage";

const overlaps = { none: 0, hour: 3600, day: 24 * 3600, week: 7 * 24 * 3600 } as const; // seconds
type Overlap = keyof typeof overlaps;

/** Keys by which programs come in. */
export default function Keys() {
  const { t } = useTranslation();
  const [made, setMade] = useState<Schema<"NewKey">>();
  return (
    <SettingsPage title={t("settings.keys")}>
      <Stack>
        {made && <Once title={t("keys.made", { name: made.name })} hint={t("keys.madeHint")} text={made.key} done={() => setMade(undefined)} />}
        <Part title={t("settings.keys")}>
          <List show={setMade} />
        </Part>
        <Part title={t("keys.new")}>
          <Make show={setMade} />
        </Part>
      </Stack>
    </SettingsPage>
  );
}

type Show = (made: Schema<"NewKey">) => void;

function List({ show }: { show: Show }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/keys", { params: { query: {} } }, pages);
  const [asked, setAsked] = useState<{ what: "revoke" | "rotate"; key: Schema<"Key"> }>();
  const [overlap, setOverlap] = useState<Overlap>("none");
  const close = () => {
    setOverlap("none");
    setAsked(undefined);
  };
  return (
    <>
      <Rows<Schema<"Key">>
        label={t("settings.keys")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(k) => k.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Empty title={t("keys.none")}>{t("keys.noneHint")}</Empty>}
        columns={[
          {
            key: "name",
            label: t("session.name"),
            cell: (k) => (
              <Stack gap={0}>
                <Group gap={6}>
                  {k.name}
                  {k.revoked_at && <Badge color="gray.8">{t("keys.revoked")}</Badge>}
                  {k.operator && <Badge variant="default">{t("keys.operator")}</Badge>}
                </Group>
                <Text size="xs" c="dimmed">
                  …{k.hint}
                </Text>
              </Stack>
            ),
          },
          { key: "role", label: t("people.role"), cell: (k) => t(`role.${k.role}`) },
          {
            key: "scopes",
            label: t("keys.scopes"),
            wide: true,
            cell: (k) =>
              [
                ...(k.scopes ?? []),
                ...(k.api ? [k.api] : []),
                ...(k.channel_id ? [t("keys.boundTo.channel", { name: k.channel_id })] : []),
                ...(k.networks?.length ? [t("keys.boundTo.networks", { list: k.networks.join(", ") })] : []),
                ...(k.rate_per_second ? [t("keys.boundTo.rate", { n: k.rate_per_second })] : []),
              ].join(", ") || t("keys.allScopes"),
          },
          {
            key: "used",
            label: t("me.used"),
            wide: true,
            cell: (k) => (
              <>
                <When at={k.last_used_at} />
                {k.last_used_from && (
                  <Text size="xs" c="dimmed">
                    {k.last_used_from}
                  </Text>
                )}
              </>
            ),
          },
          {
            key: "ends",
            label: t("people.ends"),
            wide: true,
            cell: (k) => (
              <>
                <When at={k.revoked_at ?? k.expires_at} />
                {k.replaced && (
                  <Text size="xs" c="dimmed">
                    {t("keys.before")} <When at={k.replaced.ends_at} />
                  </Text>
                )}
              </>
            ),
          },
          {
            key: "actions",
            label: t("common.actions"),
            cell: (k) =>
              !k.revoked_at && (
                <Group gap={4}>
                  <Button size="compact-xs" variant="default" aria-label={t("keys.rotateNamed", { name: k.name })} onClick={() => setAsked({ what: "rotate", key: k })}>
                    {t("keys.rotate")}
                  </Button>
                  <Button size="compact-xs" variant="default" aria-label={t("keys.revokeNamed", { name: k.name })} onClick={() => setAsked({ what: "revoke", key: k })}>
                    {t("keys.revoke")}
                  </Button>
                </Group>
              ),
          },
        ]}
      />
      {asked?.what === "revoke" && (
        <Ask
          opened
          danger
          title={t("keys.revokeTitle", { name: asked.key.name })}
          action={t("keys.revoke")}
          run={async () => {
            await client.DELETE("/v1/keys/{id}", { params: { path: { id: asked.key.id } } });
            await refresh("/v1/keys");
          }}
          close={close}
        >
          <Stack gap="xs">
            <Text size="sm">{t("keys.revokeHint")}</Text>
            {asked.key.last_used_at && (
              <Text size="sm">
                {t("me.used")}: <When at={asked.key.last_used_at} exact /> {asked.key.last_used_from}
              </Text>
            )}
          </Stack>
        </Ask>
      )}
      {asked?.what === "rotate" && (
        <Ask
          opened
          title={t("keys.rotateTitle", { name: asked.key.name })}
          action={t("keys.rotate")}
          run={async () => {
            const { data } = await client.POST("/v1/keys/{id}/rotate", { params: { path: { id: asked.key.id } }, body: { overlap_seconds: overlaps[overlap] } });
            if (data) show(data);
            await refresh("/v1/keys");
          }}
          close={close}
        >
          <Stack gap="xs">
            <Text size="sm">{t("keys.rotateHint")}</Text>
            <NativeSelect
              label={t("keys.overlap")}
              value={overlap}
              onChange={(e) => setOverlap(e.currentTarget.value as Overlap)}
              data={(Object.keys(overlaps) as Overlap[]).map((value) => ({ value, label: t(`keys.overlaps.${value}`) }))}
            />
          </Stack>
        </Ask>
      )}
    </>
  );
}

function Make({ show }: { show: Show }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("sender");
  const [ends, setEnds] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const [channel, setChannel] = useState("");
  const [networks, setNetworks] = useState<string[]>([]);
  const [rate, setRate] = useState<number | string>("");
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } });
  const make = api.useMutation("post", "/v1/keys", {
    onSuccess: (made) => {
      show(made);
      setName("");
      setEnds("");
      setScopes([]);
      setChannel("");
      setNetworks([]);
      setRate("");
      return refresh("/v1/keys");
    },
  });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        make.mutate({
          body: {
            name: name.trim(),
            role,
            scopes,
            networks,
            ...(channel ? { channel_id: Number(channel) } : {}),
            ...(Number(rate) > 0 ? { rate_per_second: Number(rate) } : {}),
            ...(ends ? { expires_at: new Date(ends).toISOString() } : {}),
          },
        });
      }}
    >
      <Stack gap="sm">
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <TextInput label={t("session.name")} description={t("keys.nameHint")} required maxLength={100} value={name} error={wrong(make.error, "name")} onChange={(e) => setName(e.currentTarget.value)} />
          <NativeSelect
            label={t("people.role")}
            description={t(`people.may.${role}`)}
            value={role}
            error={wrong(make.error, "role")}
            onChange={(e) => setRole(e.currentTarget.value as Role)}
            data={roles.map((value) => ({ value, label: t(`role.${value}`) }))}
          />
          <TextInput
            type="datetime-local"
            label={t("people.ends")}
            description={t("keys.endsHint")}
            value={ends}
            error={wrong(make.error, "expires_at")}
            onChange={(e) => setEnds(e.currentTarget.value)}
          />
          <TagsInput
            label={t("keys.scopes")}
            description={t("keys.scopesHint")}
            value={scopes}
            error={wrong(make.error, "scopes")}
            onChange={setScopes}
            acceptValueOnBlur
          />
          <NativeSelect
            label={t("keys.channel")}
            description={t("keys.channelHint")}
            value={channel}
            error={wrong(make.error, "channel_id")}
            onChange={(e) => setChannel(e.currentTarget.value)}
            data={[{ value: "", label: t("keys.anyChannel") }, ...(channels.data?.items ?? []).map((c) => ({ value: String(c.id), label: c.name }))]}
          />
          <TagsInput
            label={t("keys.networks")}
            description={t("keys.networksHint")}
            value={networks}
            error={wrong(make.error, "networks")}
            onChange={setNetworks}
            acceptValueOnBlur
          />
          <NumberInput label={t("keys.rate")} description={t("keys.rateHint")} min={0} value={rate} error={wrong(make.error, "rate_per_second")} onChange={setRate} />
        </SimpleGrid>
        <Failure error={make.error} fields={["name", "role", "expires_at", "scopes", "channel_id", "networks", "rate_per_second"]} />
        <Group>
          <Button type="submit" loading={make.isPending}>
            {t("keys.make")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
