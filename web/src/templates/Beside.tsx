import { Loader, NativeSelect, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";

import type { Template } from "./definition";
import { Reader, Rendered } from "./Preview";

interface Props {
  title: string;
  template: Pick<Template, "id" | "kinds" | "version">;
  /** One of its languages; left out, the one that the reader gets. */
  language?: string;
  /** A kind of channel alone. */
  only?: string;
}

/** A template as it is saved. */
export function Beside({ title, template, language, only }: Props) {
  const { t } = useTranslation();
  const [contact, setContact] = useState(0);
  const kinds = only ? [only] : (template.kinds ?? []);
  const [kind, setKind] = useState(kinds[0] ?? "");
  const body = { kind, ...(language ? { language } : {}), version: template.version, ...(contact ? { contact_id: contact } : {}) };
  const { data, error } = useQuery({
    queryKey: ["post", "/v1/templates/{id}/render", template.id, body],
    queryFn: async () => (await client.POST("/v1/templates/{id}/render", { params: { path: { id: template.id } }, body })).data ?? null,
    retry: false,
  });
  return (
    <Part title={title}>
      <Stack gap="xs">
        {kinds.length > 1 && <NativeSelect size="xs" label={t("templates.kind")} value={kind} onChange={(e) => setKind(e.currentTarget.value)} data={kinds} />}
        <Reader value={contact} choose={setContact} />
        {error ? <Failure error={error} /> : data ? <Rendered rendering={data} /> : <Loader size="sm" aria-label={t("common.loading")} />}
      </Stack>
    </Part>
  );
}
