import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, pages, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { useMay } from "@/app/session";
import { kinds, type ListKind } from "@/contacts/memberLists";
import { PeoplePage } from "@/contacts/PeoplePage";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { TextLink } from "@/ui/links";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";

/** Groups, labels and categories, with how many are in each. */
export default function Lists() {
  const { t } = useTranslation();
  return (
    <PeoplePage title={t("list.title")}>
      <Stack>
        {kinds.map((kind) => (
          <Kind key={kind} kind={kind} />
        ))}
      </Stack>
    </PeoplePage>
  );
}

function Kind({ kind }: { kind: ListKind }) {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const list = api.useInfiniteQuery("get", `/v1/${kind}`, { params: { query: { limit: 100 } } }, pages);
  return (
    <Part title={t(`list.kinds.${kind}`)}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t(`list.hints.${kind}`)}
        </Text>
        <Rows<Schema<"List">>
          label={t(`list.kinds.${kind}`)}
          rows={list.data?.pages.flatMap((page) => page.items ?? [])}
          id={(l) => l.id}
          error={list.error}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          empty={<Text size="sm">{t("list.none")}</Text>}
          columns={[
            {
              key: "name",
              label: t("contacts.name"),
              cell: (l) => (
                <TextLink to="/lists/$kind/$id" params={{ kind, id: String(l.id) }}>
                  {l.name}
                </TextLink>
              ),
            },
            { key: "description", label: t("list.description"), wide: true, cell: (l) => l.description },
            { key: "members", label: t("list.members"), numbers: true, cell: (l) => format.number(l.members) },
          ]}
        />
        {edits && <NewList kind={kind} />}
      </Stack>
    </Part>
  );
}

function NewList({ kind }: { kind: ListKind }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const create = api.useMutation("post", `/v1/${kind}`, {
    onSuccess: () => {
      setName("");
      return refresh(`/v1/${kind}`);
    },
  });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        create.mutate({ body: { name: name.trim() } });
      }}
    >
      <Stack gap="xs">
        <Group align="flex-end">
          <TextInput label={t(`list.newName.${kind}`)} required value={name} error={wrong(create.error, "name")} onChange={(e) => setName(e.currentTarget.value)} />
          <Button type="submit" variant="default" loading={create.isPending}>
            {t(`list.create.${kind}`)}
          </Button>
        </Group>
        <Failure error={create.error} fields={["name"]} />
      </Stack>
    </form>
  );
}
