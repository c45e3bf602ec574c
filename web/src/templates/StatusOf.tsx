import { Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { When } from "@/ui/When";

import type { Template } from "./definition";
import { Status } from "./Status";

/** What the providers of channels say of a template in a language. */
export function StatusOf({ template, language }: { template: Template; language: string }) {
  const { t } = useTranslation();
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } });
  const said = (template.statuses ?? []).filter((status) => status.language === language);
  return (
    <>
      {said.map((status) => (
        <Group key={status.channel_id} gap="xs">
          <Status state={status.state} />
          <Text size="sm">
            {channels.data?.items?.find((c) => c.id === status.channel_id)?.name ?? t("templates.channel", { id: status.channel_id })}
            {status.reason ? `: ${status.reason}` : ""}
          </Text>
          <Text size="sm" c="dimmed">
            <When at={status.updated_at} />
          </Text>
        </Group>
      ))}
    </>
  );
}
