import { Badge, List } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";

/** Instants of a schedule, with what is not as it has them. */
export function Instants({ items }: { items: Schema<"ScheduleInstant">[] }) {
  const { t } = useTranslation();
  return (
    <List size="sm">
      {items.map((i) => (
        <List.Item key={i.at}>
          {i.local} ({i.offset}) {i.note && <Badge color="orange.9">{i.note}</Badge>} {i.skipped && <Badge color="gray.8">{t(`agenda.skipped.${i.skipped}`)}</Badge>}
        </List.Item>
      ))}
    </List>
  );
}
