import { Button, List, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";

/** A few of those who will get it, drawn anew as often as one likes, with why they are among them. */
export function Drawn({ campaign }: { campaign: Schema<"Campaign"> }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(false);
  const drawn = api.useQuery("get", "/v1/campaigns/{id}/sample", { params: { path: { id: campaign.id } } }, { enabled: asked, staleTime: Infinity, gcTime: 0 });
  const among = (d: Schema<"DrawnContact">) =>
    (d.lists ?? []).map((list) => list.name).join(", ") || t(campaign.audience.all ? "drawn.all" : "drawn.rule");
  return (
    <Stack gap="xs" align="start">
      {drawn.data && (
        <List size="sm" aria-label={t("drawn.title")}>
          {(drawn.data.items ?? []).map((d) => (
            <List.Item key={d.contact_id}>
              <TextLink to="/contacts/$id" params={{ id: String(d.contact_id) }}>
                {d.name || d.address}
              </TextLink>
              {d.name && <Text size="sm">{d.address}</Text>}
              <Text size="xs">{among(d)}</Text>
            </List.Item>
          ))}
        </List>
      )}
      <Failure error={drawn.error} />
      <Button size="compact-sm" variant="default" loading={drawn.isFetching} onClick={() => (asked ? void drawn.refetch() : setAsked(true))}>
        {t(asked ? "drawn.others" : "drawn.show")}
      </Button>
    </Stack>
  );
}
