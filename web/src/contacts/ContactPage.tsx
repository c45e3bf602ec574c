import { Badge, Button, Card, Grid, Group, Loader, Stack, Table, Text, Title } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";
import { Page } from "@/ui/Page";
import { Rows } from "@/ui/Rows";
import { StateBadge } from "@/ui/State";
import { When } from "@/ui/When";

import { nameOf } from "./name";

/** One contact: who it is, what it agreed to, what it was sent. */
export default function ContactPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/inside/contacts/$id" }).id);
  const params = { path: { id } };
  const edits = useMay("editor");
  const [asked, setAsked] = useState<"out" | "in">();
  const read = api.useQuery("get", "/v1/contacts/{id}", { params });
  const changed = () => refresh("/v1/contacts");
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  const c = read.data;
  if (!c) return <Loader aria-label={t("common.loading")} />;
  const facts: [string, string | undefined][] = [
    [t("contacts.externalID"), c.external_id],
    [t("contacts.language"), c.language],
    [t("contacts.zone"), c.timezone],
    ...Object.entries(c.addresses).map(([kind, address]): [string, string] => [kind, address]),
    ...Object.entries(c.attributes).map(([key, value]): [string, string] => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  ];
  return (
    <Page
      title={nameOf(c)}
      within={{ label: t("contacts.title"), to: "/contacts" }}
      beside={<Badge color={c.status === "active" ? "green.9" : "gray.7"}>{t(`contacts.statuses.${c.status}`)}</Badge>}
      actions={
        edits && (
          <>
            <Button variant="default" onClick={() => setAsked("in")}>
              {t("contacts.optIn")}
            </Button>
            <Button variant="outline" color="red" onClick={() => setAsked("out")}>
              {t("contacts.optOut")}
            </Button>
          </>
        )
      }
    >
      <Grid>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Card withBorder>
            <Title order={2} size="h4">
              {t("contacts.facts")}
            </Title>
            <Table verticalSpacing={4}>
              <Table.Tbody>
                {facts
                  .filter(([, value]) => value)
                  .map(([label, value]) => (
                    <Table.Tr key={label}>
                      <Table.Th scope="row">{label}</Table.Th>
                      <Table.Td style={{ overflowWrap: "anywhere" }}>{value}</Table.Td>
                    </Table.Tr>
                  ))}
              </Table.Tbody>
            </Table>
            <Text size="sm" c="dimmed">
              {t("contacts.since")} <When at={c.created_at} />
            </Text>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Stack>
            <Sent id={id} />
            <Consents id={id} />
          </Stack>
        </Grid.Col>
      </Grid>
      {asked && (
        <Ask
          opened
          danger={asked === "out"}
          title={asked === "out" ? t("contacts.optOutTitle", { name: nameOf(c) }) : t("contacts.optInTitle", { name: nameOf(c) })}
          action={asked === "out" ? t("contacts.optOut") : t("contacts.optIn")}
          run={async () => {
            if (asked === "out") await client.POST("/v1/contacts/{id}/opt-out", { params, body: {} });
            else await client.POST("/v1/contacts/{id}/opt-in", { params, body: {} });
            await changed();
          }}
          close={() => setAsked(undefined)}
        >
          {asked === "out" ? t("contacts.optOutHint") : t("contacts.optInHint")}
        </Ask>
      )}
    </Page>
  );
}

function Sent({ id }: { id: number }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/contacts/{id}/messages", { params: { path: { id }, query: { limit: 20 } } }, pages);
  return (
    <Card withBorder>
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t("messages.title")}
        </Title>
      </Group>
      <Rows<Schema<"Message">>
        label={t("messages.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(m) => m.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Text c="dimmed">{t("contacts.noMessages")}</Text>}
        columns={[
          {
            key: "address",
            label: t("messages.address"),
            cell: (m) => (
              <TextLink to="/messages/$id" params={{ id: String(m.id) }}>
                {m.address || t("messages.noAddress")}
              </TextLink>
            ),
          },
          { key: "state", label: t("messages.state"), cell: (m) => <StateBadge state={m.state} /> },
          { key: "at", label: t("messages.at"), cell: (m) => <When at={m.final_at ?? m.sent_at ?? m.created_at} /> },
        ]}
      />
    </Card>
  );
}

function Consents({ id }: { id: number }) {
  const { t } = useTranslation();
  const list = api.useQuery("get", "/v1/contacts/{id}/consents", { params: { path: { id } } });
  return (
    <Card withBorder>
      <Title order={2} size="h4">
        {t("contacts.consents")}
      </Title>
      <Rows<Schema<"Consent">>
        label={t("contacts.consents")}
        rows={list.data && (list.data.items ?? [])}
        id={(c) => c.id}
        error={list.error}
        empty={<Text c="dimmed">{t("contacts.noConsents")}</Text>}
        columns={[
          { key: "what", label: t("contacts.what"), cell: (c) => c.action },
          { key: "source", label: t("contacts.source"), cell: (c) => c.source },
          { key: "at", label: t("messages.at"), cell: (c) => <When at={c.at} /> },
        ]}
      />
    </Card>
  );
}
