import { Code, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { TextLink } from "@/ui/links";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { StateBadge } from "@/ui/State";
import { When } from "@/ui/When";

import { textOf } from "./values";

const few = 20;

/** Messages to a contact. */
export function Sent({ id }: { id: number }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/contacts/{id}/messages", { params: { path: { id }, query: { limit: few } } }, pages);
  return (
    <Part title={t("messages.title")}>
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
    </Part>
  );
}

/** What a contact did, as programs told it. */
export function Events({ id }: { id: number }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/contacts/{id}/events", { params: { path: { id }, query: { limit: few } } }, pages);
  return (
    <Part title={t("contacts.events")}>
      <Rows<Schema<"ContactEvent">>
        label={t("contacts.events")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(e) => e.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Text c="dimmed">{t("contacts.noEvents")}</Text>}
        columns={[
          { key: "name", label: t("contacts.event"), cell: (e) => e.name },
          { key: "payload", label: t("contacts.payload"), wide: true, cell: (e) => (e.payload ? <Code>{JSON.stringify(e.payload)}</Code> : null) },
          { key: "at", label: t("messages.at"), cell: (e) => <When at={e.at} /> },
        ]}
      />
    </Part>
  );
}

/** What a contact answered in flows; nothing where it was asked nothing. */
export function Answers({ id }: { id: number }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/contacts/{id}/answers", { params: { path: { id }, query: { limit: few } } }, pages);
  const rows = list.data?.pages.flatMap((page) => page.items ?? []);
  if (!list.error && (rows ?? []).length === 0) return null;
  return (
    <Part title={t("contacts.answers")}>
      <Rows<Schema<"FlowAnswer">>
        label={t("contacts.answers")}
        rows={rows}
        id={(a) => a.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={null}
        columns={[
          { key: "question", label: t("contacts.question"), cell: (a) => a.question || a.step },
          { key: "answer", label: t("contacts.answer"), cell: (a) => a.text || textOf(a.value) },
          { key: "at", label: t("messages.at"), cell: (a) => <When at={a.at} /> },
        ]}
      />
    </Part>
  );
}

/** What a contact agreed to, and did not want any more. */
export function Consents({ id }: { id: number }) {
  const { t } = useTranslation();
  const list = api.useInfiniteQuery("get", "/v1/contacts/{id}/consents", { params: { path: { id }, query: { limit: few } } }, pages);
  return (
    <Part title={t("contacts.consents")}>
      <Rows<Schema<"Consent">>
        label={t("contacts.consents")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(c) => c.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Text c="dimmed">{t("contacts.noConsents")}</Text>}
        columns={[
          { key: "what", label: t("contacts.what"), cell: (c) => c.action },
          { key: "source", label: t("contacts.source"), cell: (c) => [c.source, c.wording].filter(Boolean).join(": ") },
          { key: "by", label: t("contacts.by"), wide: true, cell: (c) => c.actor },
          { key: "at", label: t("messages.at"), cell: (c) => <When at={c.at} /> },
        ]}
      />
    </Part>
  );
}
