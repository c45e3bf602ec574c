import { Button, Group, Stack, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

/** Texts that templates render by name. */
export function Snippets() {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const [opened, setOpened] = useState<string>();
  const [asked, setAsked] = useState("");
  const list = api.useInfiniteQuery("get", "/v1/snippets", { params: { query: { limit: 100 } } }, pages);
  return (
    <Stack>
      {edits && (
        <Group>
          <Button variant="default" onClick={() => setOpened("")}>
            {t("snippets.new")}
          </Button>
        </Group>
      )}
      {opened !== undefined && <Write key={opened} name={opened} done={() => setOpened(undefined)} />}
      <Rows<Schema<"SnippetInfo">>
        label={t("snippets.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(s) => s.name}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Empty title={t("snippets.none")}>{t("snippets.noneHint", { use: '{% render "footer" %}' })}</Empty>}
        columns={[
          { key: "name", label: t("templates.name"), cell: (s) => s.name },
          { key: "bytes", label: t("snippets.size"), numbers: true, wide: true, cell: (s) => format.bytes(s.bytes) },
          { key: "changed", label: t("campaigns.changed"), wide: true, cell: (s) => <When at={s.updated_at} /> },
          {
            key: "acts",
            label: t("common.actions"),
            cell: (s) =>
              edits && (
                <Group gap={4}>
                  <Button size="compact-xs" variant="default" aria-label={t("snippets.editNamed", { name: s.name })} onClick={() => setOpened(s.name)}>
                    {t("campaign.edit")}
                  </Button>
                  <Button size="compact-xs" variant="outline" color="red" aria-label={t("snippets.deleteNamed", { name: s.name })} onClick={() => setAsked(s.name)}>
                    {t("campaign.delete")}
                  </Button>
                </Group>
              ),
          },
        ]}
      />
      <Ask
        opened={asked !== ""}
        danger
        title={t("campaign.deleteTitle", { name: asked })}
        action={t("campaign.delete")}
        run={async () => {
          await client.DELETE("/v1/snippets/{name}", { params: { path: { name: asked } } });
          await refresh("/v1/snippets");
        }}
        close={() => setAsked("")}
      >
        {t("snippets.deleteHint")}
      </Ask>
    </Stack>
  );
}

function Write({ name, done }: { name: string; done: () => void }) {
  const { t } = useTranslation();
  const read = api.useQuery("get", "/v1/snippets/{name}", { params: { path: { name } } }, { enabled: name !== "" });
  const [given, setGiven] = useState<{ name?: string; text?: string }>({});
  const form = { name: given.name ?? name, text: given.text ?? read.data?.text ?? "" };
  const made = async (): Promise<void> => {
    notifications.show({ message: t("channel.saved", { name: form.name }) });
    await refresh("/v1/snippets");
    done();
  };
  const create = api.useMutation("post", "/v1/snippets", { onSuccess: made });
  const change = api.useMutation("put", "/v1/snippets/{name}", { onSuccess: made });
  const error = create.error ?? change.error;
  return (
    <Part title={name || t("snippets.new")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (name === "") create.mutate({ body: form });
          else change.mutate({ params: { path: { name } }, body: { text: form.text } });
        }}
      >
        <Stack gap="xs">
          {name === "" && (
            <TextInput label={t("templates.name")} description={t("snippets.nameHint")} required value={form.name} error={wrong(error, "name")} onChange={(e) => setGiven({ ...given, name: e.currentTarget.value })} />
          )}
          <Textarea label={t("content.text")} autosize minRows={4} required value={form.text} error={wrong(error, "text")} onChange={(e) => setGiven({ ...given, text: e.currentTarget.value })} />
          <Failure error={read.error ?? error} fields={["name", "text"]} />
          <Group>
            <Button type="submit" loading={create.isPending || change.isPending}>
              {t("common.save")}
            </Button>
            <Button variant="default" onClick={done}>
              {t("common.leave")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  );
}
