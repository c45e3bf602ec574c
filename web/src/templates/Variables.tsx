import { Button, Code, Group, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { readValue } from "./value";

type Variable = Schema<"Variable">;

/** Values that programs share. */
export function Variables() {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const [opened, setOpened] = useState<Variable | "new">();
  const [asked, setAsked] = useState("");
  const list = api.useInfiniteQuery("get", "/v1/variables", { params: { query: { limit: 100 } } }, pages);
  return (
    <Stack>
      {edits && (
        <Group>
          <Button variant="default" onClick={() => setOpened("new")}>
            {t("variables.new")}
          </Button>
        </Group>
      )}
      {opened && <Write key={opened === "new" ? "" : opened.name} variable={opened === "new" ? undefined : opened} done={() => setOpened(undefined)} />}
      <Rows<Variable>
        label={t("variables.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(v) => v.name}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Empty title={t("variables.none")}>{t("variables.noneHint")}</Empty>}
        columns={[
          { key: "name", label: t("templates.name"), cell: (v) => v.name },
          { key: "value", label: t("variables.value"), cell: (v) => <Code>{JSON.stringify(v.value).slice(0, 80)}</Code> },
          { key: "what", label: t("variables.description"), wide: true, cell: (v) => <Text size="sm">{[v.group, v.description, v.disabled ? t("variables.off") : ""].filter(Boolean).join(" · ")}</Text> },
          { key: "changed", label: t("campaigns.changed"), wide: true, cell: (v) => <When at={v.updated_at} /> },
          {
            key: "acts",
            label: t("common.actions"),
            cell: (v) =>
              edits && (
                <Group gap={4}>
                  <Button size="compact-xs" variant="default" aria-label={t("snippets.editNamed", { name: v.name })} onClick={() => setOpened(v)}>
                    {t("campaign.edit")}
                  </Button>
                  <Button size="compact-xs" variant="outline" color="red" aria-label={t("snippets.deleteNamed", { name: v.name })} onClick={() => setAsked(v.name)}>
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
          await client.DELETE("/v1/variables/{name}", { params: { path: { name: asked } } });
          await refresh("/v1/variables");
        }}
        close={() => setAsked("")}
      >
        {t("variables.deleteHint")}
      </Ask>
    </Stack>
  );
}

function Write({ variable, done }: { variable: Variable | undefined; done: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(variable?.name ?? "");
  const [text, setText] = useState(variable ? (typeof variable.value === "string" ? variable.value : JSON.stringify(variable.value, null, 2)) : "");
  const [group, setGroup] = useState(variable?.group ?? "");
  const [description, setDescription] = useState(variable?.description ?? "");
  const [disabled, setDisabled] = useState(variable?.disabled === true);
  const save = api.useMutation("put", "/v1/variables/{name}", {
    onSuccess: async () => {
      notifications.show({ message: t("channel.saved", { name }) });
      await refresh("/v1/variables");
      done();
    },
  });
  return (
    <Part title={variable?.name ?? t("variables.new")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          save.mutate({ params: { path: { name: name.trim() } }, body: { value: readValue(text, variable?.value), group, description, disabled } });
        }}
      >
        <Stack gap="xs">
          {!variable && <TextInput label={t("templates.name")} required value={name} error={wrong(save.error, "name")} onChange={(e) => setName(e.currentTarget.value)} />}
          <Textarea label={t("variables.value")} description={t("variables.valueHint")} autosize minRows={2} value={text} error={wrong(save.error, "value")} onChange={(e) => setText(e.currentTarget.value)} />
          <Group grow align="flex-start">
            <TextInput label={t("variables.group")} value={group} error={wrong(save.error, "group")} onChange={(e) => setGroup(e.currentTarget.value)} />
            <TextInput label={t("variables.description")} value={description} error={wrong(save.error, "description")} onChange={(e) => setDescription(e.currentTarget.value)} />
          </Group>
          <Switch label={t("variables.disabled")} checked={disabled} onChange={(e) => setDisabled(e.currentTarget.checked)} />
          <Failure error={save.error} fields={["name", "value", "group", "description"]} />
          <Group>
            <Button type="submit" loading={save.isPending}>
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
