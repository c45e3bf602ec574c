import { Button, Group, Loader, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { NotFound } from "@/app/Broken";
import { useMay } from "@/app/session";
import { kinds, type ListKind } from "@/contacts/memberLists";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { Part } from "@/ui/Part";

import { Members } from "./Members";

type List = Schema<"List">;

/** One group, label or category: what it is called, and who is in it. */
export default function ListPage() {
  const { kind, id } = useParams({ from: "/inside/lists/$kind/$id" });
  const of = kinds.find((k) => k === kind);
  return of ? <Read kind={of} id={Number(id)} /> : <NotFound />;
}

function Read({ kind, id }: { kind: ListKind; id: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const edits = useMay("editor");
  const [asked, setAsked] = useState(false);
  const params = { path: { id } };
  const read = api.useQuery("get", `/v1/${kind}/{id}`, { params });
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  const list = read.data;
  if (!list) return <Loader aria-label={t("common.loading")} />;
  return (
    <Page
      title={list.name}
      within={{ label: t("list.title"), to: "/lists" }}
      beside={<Text c="dimmed">{t(`list.kind.${kind}`)}</Text>}
      actions={
        edits && (
          <Button color="red" variant="outline" onClick={() => setAsked(true)}>
            {t("list.delete")}
          </Button>
        )
      }
    >
      <Stack>
        {edits && <Rename key={list.name} kind={kind} list={list} />}
        <Members kind={kind} list={list} />
      </Stack>
      {asked && (
        <Ask
          opened
          danger
          title={t("list.deleteTitle", { name: list.name })}
          action={t("list.delete")}
          typed={list.members > 1000 ? String(list.members) : undefined}
          run={async () => {
            await client.DELETE(`/v1/${kind}/{id}`, { params });
            await navigate({ to: "/lists" });
            await refresh(`/v1/${kind}`, "/v1/contacts");
          }}
          close={() => setAsked(false)}
        >
          {t("list.deleteHint", { count: list.members, n: format.number(list.members) })}
        </Ask>
      )}
    </Page>
  );
}

function Rename({ kind, list }: { kind: ListKind; list: List }) {
  const { t } = useTranslation();
  const [name, setName] = useState(list.name);
  const [description, setDescription] = useState(list.description ?? "");
  const save = api.useMutation("patch", `/v1/${kind}/{id}`, { onSuccess: () => refresh(`/v1/${kind}`, "/v1/contacts") });
  return (
    <Part title={t("list.about")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          save.mutate({ params: { path: { id: list.id } }, body: { name: name.trim(), description: description.trim() || null } });
        }}
      >
        <Stack gap="sm">
          <Group align="flex-start" grow>
            <TextInput label={t("contacts.name")} required value={name} error={wrong(save.error, "name")} onChange={(e) => setName(e.currentTarget.value)} />
            <TextInput
              label={t("list.description")}
              value={description}
              error={wrong(save.error, "description")}
              onChange={(e) => setDescription(e.currentTarget.value)}
            />
          </Group>
          <Failure error={save.error} fields={["name", "description"]} />
          <Group>
            <Button type="submit" variant="default" loading={save.isPending}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  );
}
