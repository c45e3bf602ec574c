import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";

/** The links of a run's messages, with how many people followed each. */
export function Links({ campaign, run }: { campaign: Schema<"Campaign">; run: Schema<"Run"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const tracked = campaign.tracking?.links === true;
  const read = api.useQuery("get", "/v1/runs/{id}/links", { params: { path: { id: run.id } } }, { enabled: tracked });
  if (!tracked) return null;
  return (
    <Part title={t("links.title")}>
      <Rows<Schema<"RunLink">>
        label={t("links.title")}
        rows={read.data?.items ?? undefined}
        id={(l) => `${l.variant ?? ""} ${l.number}`}
        error={read.error}
        empty={<Text c="dimmed">{t("links.none")}</Text>}
        columns={[
          { key: "url", label: t("links.url"), cell: (l) => <Text style={{ overflowWrap: "anywhere" }}>{l.url || t("links.others")}</Text> },
          { key: "people", label: t("links.people"), numbers: true, cell: (l) => format.number(l.people) },
          { key: "clicks", label: t("links.clicks"), numbers: true, wide: true, cell: (l) => format.number(l.clicks) },
          { key: "machines", label: t("links.machines"), numbers: true, wide: true, cell: (l) => format.number(l.machine_clicks) },
        ]}
      />
    </Part>
  );
}
