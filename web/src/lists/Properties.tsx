import { Button, Group, List, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { PeoplePage } from "@/contacts/PeoplePage";
import { textOf } from "@/contacts/values";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Rows } from "@/ui/Rows";

import { PropertyForm } from "./PropertyForm";

type Property = Schema<"Property">;

/** What is kept of contacts beside their names and addresses. */
export default function Properties() {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const list = api.useQuery("get", "/v1/properties");
  const [edited, setEdited] = useState<Property | "new">();
  const [dropped, setDropped] = useState<Property>();
  const create = edits && (
    <Button onClick={() => setEdited("new")} disabled={edited === "new"}>
      {t("property.create")}
    </Button>
  );
  return (
    <PeoplePage title={t("property.title")} actions={create}>
      <Stack>
        <Text size="sm" c="dimmed">
          {t("property.hint")}
        </Text>
        {edited && <PropertyForm key={edited === "new" ? "" : edited.key} property={edited === "new" ? undefined : edited} close={() => setEdited(undefined)} />}
        <Rows<Property>
          label={t("property.title")}
          rows={list.data && (list.data.items ?? [])}
          id={(p) => p.key}
          error={list.error}
          empty={<Empty title={t("property.none")}>{t("property.noneHint")}</Empty>}
          columns={[
            { key: "key", label: t("property.key"), cell: (p) => p.key },
            { key: "label", label: t("property.label"), wide: true, cell: (p) => p.label },
            { key: "type", label: t("property.type"), cell: (p) => t(`property.types.${p.type}`) },
            { key: "rule", label: t("property.rule"), wide: true, cell: (p) => p.rule },
            { key: "default", label: t("property.default"), wide: true, cell: (p) => textOf(p.default) },
            ...(edits
              ? [
                  {
                    key: "actions",
                    label: t("common.actions"),
                    cell: (p: Property) => (
                      <Group gap={4}>
                        <Button size="compact-xs" variant="default" aria-label={t("property.editNamed", { key: p.key })} onClick={() => setEdited(p)}>
                          {t("property.edit")}
                        </Button>
                        <Button size="compact-xs" variant="default" aria-label={t("property.deleteNamed", { key: p.key })} onClick={() => setDropped(p)}>
                          {t("property.delete")}
                        </Button>
                      </Group>
                    ),
                  },
                ]
              : []),
          ]}
        />
        {dropped && <Drop property={dropped} close={() => setDropped(undefined)} />}
      </Stack>
    </PeoplePage>
  );
}

function Drop({ property, close }: { property: Property; close: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const path = { key: property.key };
  // Of a dry run nothing is deleted; it is a DELETE all the same, and so no query of api's.
  const [effect, setEffect] = useState<Schema<"PropertyEffect">>();
  const [error, setError] = useState<unknown>(null);
  const [asked, setAsked] = useState(false);
  if (!asked) {
    setAsked(true);
    client
      .DELETE("/v1/properties/{key}", { params: { path, query: { dry_run: true } } })
      .then(({ data }) => setEffect(data))
      .catch(setError);
  }
  return (
    <Ask
      opened
      danger
      title={t("property.deleteTitle", { key: property.key })}
      action={t("property.delete")}
      typed={effect && effect.values > 1000 ? String(effect.values) : undefined}
      disabled={!effect}
      run={async () => {
        await client.DELETE("/v1/properties/{key}", { params: { path } });
        await refresh("/v1/properties", "/v1/contacts");
      }}
      close={close}
    >
      <Stack gap="xs">
        <Text size="sm">{t("property.deleteHint")}</Text>
        <Failure error={error} />
        {effect && (
          <List size="sm">
            <List.Item>{t("property.values", { count: effect.values, n: format.number(effect.values) })}</List.Item>
          </List>
        )}
      </Stack>
    </Ask>
  );
}
