import { Button, Group, Stack, TagsInput, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";
import { TextLink } from "@/ui/links";

/** What people have noted of a campaign for each other, and by what it is found. */
export function About({ campaign }: { campaign: Schema<"Campaign"> }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const admin = useMay("admin");
  const [notes, setNotes] = useState<string>();
  const [tags, setTags] = useState<string[]>();
  const save = api.useMutation("patch", "/v1/campaigns/{id}/about", {
    onSuccess: async () => {
      await refresh("/v1/campaigns");
      setNotes(undefined);
      setTags(undefined);
    },
  });
  const changed = notes !== undefined || tags !== undefined;
  if (!edits && !campaign.notes) return null;
  return (
    <Part title={t("about.title")}>
      {edits ? (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            save.mutate({ params: { path: { id: campaign.id } }, body: { ...(notes === undefined ? {} : { notes }), ...(tags === undefined ? {} : { tags }) } });
          }}
        >
          <Stack gap="xs">
            <TagsInput
              label={t("about.tags")}
              description={t("about.tagsHint")}
              value={tags ?? campaign.tags ?? []}
              error={wrong(save.error, "tags")}
              onChange={setTags}
              clearable={false}
            />
            <Textarea
              label={t("campaign.notes")}
              description={t("about.notesHint")}
              autosize
              minRows={2}
              maxRows={12}
              value={notes ?? campaign.notes ?? ""}
              error={wrong(save.error, "notes")}
              onChange={(e) => setNotes(e.currentTarget.value)}
            />
            <Failure error={save.error} fields={["notes", "tags"]} />
            <Group>
              <Button type="submit" size="xs" variant="default" disabled={!changed} loading={save.isPending}>
                {t("common.save")}
              </Button>
              {admin && (
                <TextLink size="sm" to="/settings/audit" search={{ target: `campaign ${campaign.id}` }}>
                  {t("about.trail")}
                </TextLink>
              )}
            </Group>
          </Stack>
        </form>
      ) : (
        <Text style={{ whiteSpace: "pre-wrap" }}>{campaign.notes}</Text>
      )}
    </Part>
  );
}
