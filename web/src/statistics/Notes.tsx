import { Alert, List, Loader, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { When } from "@/ui/When";
import { TextLink } from "@/ui/links";

/** What is out of the ordinary. */
export function Notes() {
  const { t } = useTranslation();
  const format = useFormat();
  const read = api.useQuery("get", "/v1/stats/notes");
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  if (!read.data) return <Loader size="sm" aria-label={t("common.loading")} />;
  const notes = read.data.items ?? [];
  if (notes.length === 0) return <Empty title={t("stats.noNotes")}>{t("stats.noNotesHint")}</Empty>;
  return (
    <List listStyleType="none" spacing="sm">
      {notes.map((note) => (
        <List.Item key={note.words}>
          <Alert color="orange" title={note.words}>
            <Text size="sm">
              {t("stats.refuses", { rate: format.percent(note.rate), before: format.percent(note.before) })} <When at={note.since} exact />
            </Text>
            <TextLink to="/channels/$id" params={{ id: String(note.channel_id) }}>
              {note.channel}
            </TextLink>
          </Alert>
        </List.Item>
      ))}
    </List>
  );
}
