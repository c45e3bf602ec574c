import { Loader, NativeSelect, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { Problem } from "@/api/problem";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";

import { Reader, Rendered } from "./Preview";

const pause = 600; // ms after the last change until it is rendered

/** What the server makes of a definition that is not saved yet, a moment after it was changed. */
export function useRendered(definition: Schema<"TemplateChange">, name: string, language: string, ready: boolean) {
  const [kind, setKind] = useState("");
  const [contact, setContact] = useState(0);
  const kinds = definition.kinds ?? [];
  const chosen = kinds.includes(kind) ? kind : (kinds[0] ?? "");
  const [body] = useDebouncedValue(JSON.stringify({ ...definition, name, kind: chosen, language, ...(contact ? { contact_id: contact } : {}) }), pause);
  const { data, error, isFetching } = useQuery({
    queryKey: ["post", "/v1/templates/preview", body],
    queryFn: async () => (await client.POST("/v1/templates/preview", { body: JSON.parse(body) as Schema<"DraftInput"> })).data ?? null,
    enabled: ready,
    placeholderData: (before) => before,
    retry: false,
    gcTime: 60_000,
  });
  return { data: ready ? data : undefined, error: ready ? error : null, isFetching, kind: chosen, setKind, kinds, contact, setContact };
}

/** A template as it will be read, while it is written. */
export function Live({ live, fields }: { live: ReturnType<typeof useRendered>; fields: string[] }) {
  const { t } = useTranslation();
  // What is wrong stands at its field.
  const marked = live.error instanceof Problem && live.error.errors.length > 0 && live.error.besides(...fields).length === 0;
  return (
    <Part title={t("templates.preview")}>
      <Stack gap="xs">
        {live.kinds.length > 1 && (
          <NativeSelect size="xs" label={t("templates.kind")} value={live.kind} onChange={(e) => live.setKind(e.currentTarget.value)} data={live.kinds.map((value) => ({ value, label: value }))} />
        )}
        <Reader value={live.contact} choose={live.setContact} />
        {marked ? (
          <Text size="sm" c="red">
            {t("templates.mend")}
          </Text>
        ) : (
          <Failure error={live.error} fields={fields} />
        )}
        {live.error ? null : live.data ? <Rendered rendering={live.data} /> : live.isFetching ? <Loader size="sm" aria-label={t("common.loading")} /> : <Text size="sm">{t("templates.nothingYet")}</Text>}
      </Stack>
    </Part>
  );
}
