import { List, Stack, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, client, queries, refresh, type Schema } from "@/api/client";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";

import { nameOf } from "./name";

/** Erases a person for good, after it was shown what that takes. */
export function Erase({ contact, close }: { contact: Schema<"Contact">; close: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const params = { path: { id: contact.id } };
  const preview = api.useQuery("post", "/v1/contacts/{id}/erase", { params, body: { dry_run: true } }, { retry: false, staleTime: 0 });
  const would = preview.data;
  const name = nameOf(contact);
  return (
    <Ask
      opened
      danger
      title={t("erase.title", { name })}
      action={t("erase.action")}
      typed={name}
      disabled={!would}
      run={async () => {
        await client.POST("/v1/contacts/{id}/erase", { params, body: {} });
        await navigate({ to: "/contacts" });
        // Nothing of the person stays here either.
        queries.removeQueries({ predicate: ({ queryKey: [, path] }) => typeof path === "string" && path.startsWith("/v1/contacts/{id}") });
        await refresh("/v1/contacts", "/v1/messages", "/v1/groups", "/v1/labels", "/v1/categories", "/v1/suppressions", "/v1/replies");
      }}
      close={close}
    >
      <Stack gap="sm">
        <Text size="sm">{t("erase.hint")}</Text>
        <Failure error={preview.error} />
        {would && (
          <div role="status">
            <Text size="sm" fw={600}>
              {t("erase.would")}
            </Text>
            <List size="sm">
              {Object.entries(would.rows)
                .filter(([, n]) => n > 0)
                .map(([table, n]) => (
                  <List.Item key={table}>
                    {table}: {format.number(n)}
                  </List.Item>
                ))}
              {would.skipped > 0 && <List.Item>{t("erase.skipped", { count: would.skipped, n: format.number(would.skipped) })}</List.Item>}
              {would.hashes > 0 && <List.Item>{t("erase.hashes", { count: would.hashes, n: format.number(would.hashes) })}</List.Item>}
            </List>
          </div>
        )}
      </Stack>
    </Ask>
  );
}
