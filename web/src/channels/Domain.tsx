import { Anchor, Button, Code, Collapse, CopyButton, Group, Loader, Stack, Table, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";
import { Tint } from "@/ui/State";
import { When } from "@/ui/When";

type Found = Schema<"DNSRecord">;
type Key = Schema<"SigningKey">;

/** What is to be published, as one text. */
const wanted = (domain: Schema<"SendingDomain">) => JSON.stringify(domain.records?.map((r) => [r.name, r.value]));

const changed = () => refresh("/v1/channels/{id}/domain");

/** What the domain that a channel's mail comes from is to publish, whether it does, and its keys. */
export function Domain({ channel, signs }: { channel: Schema<"Channel">; signs: boolean }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const path = { params: { path: { id: channel.id } } };
  const read = api.useQuery("get", "/v1/channels/{id}/domain", path);
  const check = api.useMutation("post", "/v1/channels/{id}/domain/check", { onSuccess: changed });
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  if (!read.data) return <Loader aria-label={t("common.loading")} />;
  // What was found stands until there is another set of records to look for.
  const same = check.data !== undefined && wanted(check.data) === wanted(read.data);
  const domain = same ? { ...read.data, records: check.data.records } : read.data;
  const lacks = domain.records?.filter((r) => r.required && r.state !== "ok" && r.state !== "unchecked" && r.problem !== "no_key").length ?? 0;
  return (
    <Part title={t("domain.title", { domain: domain.domain })}>
      <Text size="sm" mb="sm">
        {t("domain.hint")}
      </Text>
      <Group mb="md">
        {edits && (
          <Button variant="default" loading={check.isPending} onClick={() => check.mutate(path)}>
            {t("domain.check")}
          </Button>
        )}
        <Text size="sm" role="status">
          {check.isPending && t("domain.checking")}
          {same && (lacks === 0 ? t("domain.allWell") : t("domain.lacks", { count: lacks }))}
        </Text>
      </Group>
      <Failure error={check.error} />
      <Stack gap="lg">
        {domain.records?.map((r) => (
          <Published key={`${r.purpose} ${r.name ?? ""} ${r.selector ?? ""}`} record={r} server={domain.server ?? ""} />
        ))}
      </Stack>
      {signs && <Keys channel={channel} keys={domain.signing_keys ?? []} />}
    </Part>
  );
}

const tints = { ok: "good", missing: "bad", wrong: "bad", unknown: "warn", unchecked: "quiet" } as const;

/** One record: what it is for, where it goes, what it says, and what was found. */
function Published({ record, server }: { record: Found; server: string }) {
  const { t } = useTranslation();
  const name = record.purpose.toUpperCase();
  const optional = !record.required && record.state === "missing";
  return (
    <section aria-label={[name, record.selector].filter(Boolean).join(" ")}>
      <Group gap="xs" mb={4}>
        <Text fw={600}>{name}</Text>
        <Tint as={optional ? "quiet" : tints[record.state]}>{t(`domain.state.${record.state}`)}</Tint>
        {!record.required && <Text size="sm">{t("domain.optional")}</Text>}
        <Text size="sm">{t(`domain.for.${record.purpose}`)}</Text>
      </Group>
      {record.problem && <Text size="sm">{t(`domain.problem.${record.problem}`, { server })}</Text>}
      {record.name && (
        <Table aria-label={t("domain.record", { name })} verticalSpacing={3} withRowBorders={false}>
          <Table.Tbody>
            <Line label={t("domain.type")} text={record.type} />
            <Line label={t("domain.name")} text={record.name} of={name} copy />
            {record.value && <Line label={t("domain.value")} text={record.value} of={name} copy />}
            {record.found?.filter((text) => text !== record.value).map((text) => <Line key={text} label={t("domain.found")} text={text} />)}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}

function Line({ label, text, of = "", copy = false }: { label: string; text: string; of?: string; copy?: boolean }) {
  const { t } = useTranslation();
  return (
    <Table.Tr>
      <Table.Th scope="row" w="8rem" style={{ verticalAlign: "top" }}>
        {label}
      </Table.Th>
      <Table.Td>
        <Group gap="xs" align="start" wrap="nowrap">
          <Code style={{ overflowWrap: "anywhere" }}>{text}</Code>
          {copy && (
            <CopyButton value={text}>
              {({ copied, copy: take }) => (
                <Button size="compact-xs" variant="default" miw="max-content" onClick={take} aria-label={t("domain.copy", { what: `${of}: ${label}` })}>
                  {copied ? t("once.copied") : t("once.copy")}
                </Button>
              )}
            </CopyButton>
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

const keyTints = { signing: "good", waiting: "warn", replaced: "quiet" } as const;

/** The keys that mail is signed with, and making one. */
function Keys({ channel, keys }: { channel: Schema<"Channel">; keys: Key[] }) {
  const { t } = useTranslation();
  const admin = useMay("admin");
  const [gone, setGone] = useState<Key>();
  return (
    <Stack gap="xs" mt="lg">
      <Text fw={600}>{t("domain.keys")}</Text>
      {keys.length === 0 && <Text size="sm">{t("domain.noKeys")}</Text>}
      {keys.map((key) => (
        <Group key={key.selector} gap="xs">
          <Code>{key.selector}</Code>
          <Tint as={keyTints[key.state]}>{t(`domain.keyState.${key.state}`)}</Tint>
          <Text size="sm">
            {t("domain.made")} <When at={key.created_at} />
          </Text>
          {admin && (
            <Button size="compact-xs" variant="default" onClick={() => setGone(key)} aria-label={t("domain.forgetNamed", { name: key.selector })}>
              {t("domain.forget")}
            </Button>
          )}
          <Text size="sm" w="100%">
            {t(`domain.keyHint.${key.state}`)}
          </Text>
        </Group>
      ))}
      {admin && <MakeKey key={keys.length} channel={channel} first={keys.length === 0} />}
      <Ask
        opened={gone !== undefined}
        danger
        title={t("domain.forgetTitle", { name: gone?.selector ?? "" })}
        action={t("domain.forget")}
        run={async () => {
          await client.DELETE("/v1/channels/{id}/signing-keys/{selector}", {
            params: { path: { id: channel.id, selector: gone?.selector ?? "" }, query: { force: true } },
          });
          await changed();
        }}
        close={() => setGone(undefined)}
      >
        {t(gone?.state === "signing" ? "domain.forgetSigning" : "domain.forgetHint")}
      </Ask>
    </Stack>
  );
}

/** Has a key made; who wants it otherwise says its name, or gives one that exists. */
function MakeKey({ channel, first }: { channel: Schema<"Channel">; first: boolean }) {
  const { t } = useTranslation();
  const [more, setMore] = useState(false);
  const [selector, setSelector] = useState("");
  const make = api.useMutation("post", "/v1/channels/{id}/signing-keys", {
    onSuccess: async () => {
      notifications.show({ message: t("domain.keyMade") });
      await changed();
    },
  });
  return (
    <form
      aria-label={t("domain.make")}
      onSubmit={(e) => {
        e.preventDefault();
        make.mutate({ params: { path: { id: channel.id } }, body: selector.trim() === "" ? {} : { selector: selector.trim() } });
      }}
    >
      <Stack gap="xs" align="start">
        <Collapse expanded={more} w="100%" maw="30rem">
          <TextInput label={t("domain.selector")} description={t("domain.selectorHint")} value={selector} maxLength={255} error={wrong(make.error, "selector")} onChange={(e) => setSelector(e.currentTarget.value)} />
        </Collapse>
        <Failure error={make.error} fields={["selector"]} />
        <Group>
          <Button type="submit" variant={first ? "filled" : "default"} loading={make.isPending}>
            {t(first ? "domain.make" : "domain.makeNext")}
          </Button>
          {!more && (
            <Anchor component="button" type="button" size="sm" onClick={() => setMore(true)}>
              {t("domain.chooseName")}
            </Anchor>
          )}
        </Group>
      </Stack>
    </form>
  );
}
