import { Button, Card, Group, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { useReason } from "@/ui/reason";
import { StateBadge } from "@/ui/State";
import { TextLink } from "@/ui/links";

type Campaign = Schema<"Campaign">;

/** Answers for one person: who has it, who has not, and why. */
export function Explain({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const why = useReason();
  const [given, setGiven] = useState("");
  const [recipient, setRecipient] = useState("");
  const explained = api.useQuery(
    "get",
    "/v1/campaigns/{id}/explain",
    { params: { path: { id: campaign.id }, query: { recipient } } },
    { enabled: recipient !== "", staleTime: 0 },
  );
  return (
    <Card withBorder>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (given === recipient) void explained.refetch();
          else setRecipient(given.trim());
        }}
      >
        <Group align="flex-end">
          <TextInput
            label={t("explain.title")}
            description={t("explain.hint")}
            value={given}
            onChange={(e) => setGiven(e.currentTarget.value)}
            flex={1}
            miw="14rem"
          />
          <Button type="submit" variant="default" loading={explained.isFetching} disabled={given.trim() === ""}>
            {t("explain.ask")}
          </Button>
        </Group>
      </form>
      <Stack gap={4} mt="xs" aria-live="polite">
        <Failure error={explained.error} />
        {(explained.data?.says ?? []).map((line) => (
          <Text key={line}>{line}</Text>
        ))}
        {(explained.data?.messages ?? []).map((m) => (
          <Group key={m.id} gap="xs">
            <StateBadge state={m.state} />
            <TextLink to="/messages/$id" params={{ id: String(m.id) }}>
              {m.address}
            </TextLink>
            <Text size="sm" c="dimmed">
              {m.detail ?? why(m.reason)}
            </Text>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}
