import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { timeOf } from "@/ui/chart";
import { useFormat } from "@/ui/format";
import { type Column, Rows } from "@/ui/Rows";
import { TextLink } from "@/ui/links";

import type { Interval } from "./range";
import { numberOf, type Row } from "./series";
import { errorKinds, type View, type ViewID } from "./views";

const textOf = (row: Row, key: string): string => String(row[key] ?? "");

/** The rows of a view as the server counts them: its rates are its own. */
export function Figures({ view, id, rows, zone, interval }: { view: View; id: ViewID; rows: readonly Row[]; zone: string; interval: Interval }) {
  const { t } = useTranslation();
  const format = useFormat();
  const campaign: Column<Row> = {
    key: "campaign",
    label: t("stats.campaign"),
    cell: (row) => (
      <TextLink to="/campaigns/$id" params={{ id: textOf(row, "campaign_id") }}>
        {textOf(row, "campaign") || textOf(row, "campaign_id")}
      </TextLink>
    ),
  };
  const channel: Column<Row> = {
    key: "channel",
    label: t("stats.channel"),
    cell: (row) => (
      <TextLink to="/channels/$id" params={{ id: textOf(row, "channel_id") }}>
        {textOf(row, "channel") || textOf(row, "channel_id")}
      </TextLink>
    ),
  };
  const plain = (key: string, label: string, wide = false): Column<Row> => ({ key, label, wide, cell: (row) => textOf(row, key) });
  const of: Record<NonNullable<View["of"]>, Column<Row>[]> = {
    campaign: id === "flows" ? [campaign, { key: "outcome", label: t("stats.outcome"), cell: (row) => textOf(row, "outcome") || t("stats.onTheWay") }] : [campaign],
    channel:
      id === "errors"
        ? [channel, { key: "kind", label: t("stats.reason"), cell: (row) => <Reason row={row} /> }]
        : [channel, ...(id === "channels" ? [plain("kind", t("stats.kind"), true)] : [])],
    template: [{ key: "template", label: t("stats.template"), cell: (row) => textOf(row, "template") || t("stats.noTemplate") }, plain("language", t("common.language"), true)],
    link: [
      {
        key: "address",
        label: t("stats.link"),
        cell: (row) => (
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {textOf(row, "address") || textOf(row, "link")}
          </Text>
        ),
      },
      { ...campaign, wide: true },
    ],
    list: [{ key: "list", label: t("stats.list"), cell: (row) => textOf(row, "list") || t("stats.deleted", { id: textOf(row, "list_id") }) }],
  };
  const head = view.of ? of[view.of] : [{ key: "start", label: t("stats.since"), cell: (row: Row) => timeOf(textOf(row, "start"), interval, format, zone) }];
  return (
    <Rows<Row>
      label={t(`stats.view.${id}`)}
      rows={[...rows]}
      id={(row) => ["start", "campaign_id", "run_id", "channel_id", "list_id", "template", "language", "link", "kind", "code", "outcome"].map((key) => textOf(row, key)).join("/")}
      empty={<Text c="dimmed">{t("stats.nothing")}</Text>}
      columns={[
        ...head,
        ...view.metrics.map(({ key, label, share, wide }): Column<Row> => ({
          key,
          label: t(label),
          numbers: true,
          ...(wide ? { wide } : {}),
          cell: (row) => (share ? (row[key] === undefined ? "–" : format.percent(numberOf(row, key))) : format.number(numberOf(row, key))),
        })),
      ]}
    />
  );
}

/** What a provider refused something for, in words, and by its own code. */
export function Reason({ row }: { row: Row }) {
  const { t } = useTranslation();
  const kind = errorKinds.find((k) => k === row["kind"]);
  return (
    <>
      {kind ? t(`stats.errorKind.${kind}`) : textOf(row, "kind")}
      {row["code"] && (
        <Text span size="xs" c="dimmed">
          {" "}
          {textOf(row, "code")}
        </Text>
      )}
    </>
  );
}
