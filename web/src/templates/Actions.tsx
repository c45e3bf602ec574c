import { Button, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh } from "@/api/client";
import { Ask } from "@/ui/ask";

import type { Template } from "./definition";
import { HandIn } from "./HandIn";

/** What can be done with a template as a whole. */
export function Actions({ template }: { template: Template }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<"copy" | "delete">();
  const [name, setName] = useState(`${template.name}_2`);
  const uses = api.useQuery("get", "/v1/templates/{id}/uses", { params: { path: { id: template.id } } });
  const used = uses.data?.items ?? [];
  return (
    <>
      <HandIn template={template} />
      <Button variant="default" onClick={() => setAsked("copy")}>
        {t("campaign.duplicate")}
      </Button>
      <Button color="red" variant="outline" onClick={() => setAsked("delete")}>
        {t("campaign.delete")}
      </Button>
      <Ask
        opened={asked === "copy"}
        title={t("templates.copyTitle", { name: template.name })}
        action={t("campaign.duplicate")}
        run={async () => {
          const { data } = await client.POST("/v1/templates/{id}/duplicate", { params: { path: { id: template.id } }, body: { name: name.trim() } });
          await refresh("/v1/templates");
          if (data) await navigate({ to: "/templates/$id", params: { id: String(data.id) } });
        }}
        close={() => setAsked(undefined)}
      >
        <TextInput label={t("templates.name")} description={t("templates.nameHint")} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      </Ask>
      <Ask
        opened={asked === "delete"}
        danger
        title={t("campaign.deleteTitle", { name: template.name })}
        action={t("campaign.delete")}
        run={async () => {
          await client.DELETE("/v1/templates/{id}", { params: { path: { id: template.id } } });
          await navigate({ to: "/templates" });
          await refresh("/v1/templates");
        }}
        close={() => setAsked(undefined)}
      >
        <Stack gap="xs">
          <Text size="sm">{t("templates.deleteHint")}</Text>
          {used.length > 0 && <Text size="sm">{t("templates.usedBy", { names: used.map((use) => use.name).join(", ") })}</Text>}
        </Stack>
      </Ask>
    </>
  );
}
