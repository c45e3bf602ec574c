import { Alert, Box, Button, Group, List, Loader, Stack, Table, Text } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { Part } from "@/ui/Part";
import { useNow } from "@/ui/When";
import { ButtonLink, TextLink } from "@/ui/links";

import { after, isMonth, lastDay, weeksOf } from "./month";

type Item = Schema<"CalendarItem">;

const minute = 60_000; // ms

/** What goes out when in a month, who gets several on a day, and where it is more than a channel may. */
export default function Calendar() {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(minute);
  const search = useSearch({ from: "/inside/calendar" });
  const navigate = useNavigate({ from: "/calendar" });
  const zone = api.useQuery("get", "/v1/settings").data?.timezone;
  const today = new Intl.DateTimeFormat("sv-SE", zone ? { timeZone: zone } : {}).format(now); // a Swede writes dates as ISO 8601 does
  const current = today.slice(0, 7);
  const month = isMonth(search.month) && search.month > current ? search.month : current;
  const read = api.useQuery(
    "get",
    "/v1/calendar",
    {
      params: {
        query: { ...(month > current ? { from: `${month}-01` } : {}), to: `${lastDay(month)}T23:59:59`, ...(zone ? { timezone: zone } : {}) },
      },
    },
    { enabled: zone !== undefined, placeholderData: keepPreviousData },
  );
  const show = (to: string) => void navigate({ search: to > current ? { month: to } : {} });
  const calendar = read.data;
  const title = new Intl.DateTimeFormat(format.language, { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${month}-01`));
  return (
    <Page
      title={t("calendar.title")}
      actions={
        <Group gap="xs">
          <Button variant="default" onClick={() => show(after(month, -1))} disabled={month <= current}>
            {t("calendar.before")}
          </Button>
          <Button variant="default" onClick={() => show(current)} disabled={month === current}>
            {t("calendar.this")}
          </Button>
          <Button variant="default" onClick={() => show(after(month, 1))}>
            {t("calendar.after")}
          </Button>
        </Group>
      }
    >
      <Stack>
        <Text size="lg" fw={600} aria-live="polite">
          {title}
          {calendar && (
            <Text span c="dimmed" size="sm" ml="sm">
              {t("calendar.zone", { zone: calendar.timezone })}
            </Text>
          )}
        </Text>
        <Failure error={read.error} again={() => void read.refetch()} />
        {read.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
        {calendar?.cut && <Alert color="orange">{calendar.cut}</Alert>}
        {(calendar?.notices ?? []).map((notice) => (
          <Alert key={notice} color="cyan">
            {notice}
          </Alert>
        ))}
        {calendar && (calendar.items ?? []).length === 0 && (
          <Empty title={t("calendar.empty")} action={<ButtonLink to="/campaigns/new">{t("campaigns.new")}</ButtonLink>}>
            {t("calendar.emptyHint")}
          </Empty>
        )}
        {calendar && (calendar.items ?? []).length > 0 && <Month month={month} today={today} calendar={calendar} />}
        {calendar && <Overlaps calendar={calendar} />}
        {calendar && <Loads calendar={calendar} />}
      </Stack>
    </Page>
  );
}

/** The weeks as a table; where the window is narrow, the days on which something goes out below each other. */
function Month({ month, today, calendar }: { month: string; today: string; calendar: Schema<"Calendar"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const items = new Map<string, Item[]>();
  for (const item of calendar.items ?? []) {
    const date = item.local.slice(0, 10);
    items.set(date, [...(items.get(date) ?? []), item]);
  }
  const messages = new Map((calendar.days ?? []).map((day) => [day.date, day.messages]));
  const weeks = weeksOf(month);
  const weekday = new Intl.DateTimeFormat(format.language, { weekday: "short", timeZone: "UTC" });
  const dated = new Intl.DateTimeFormat(format.language, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
  const sum = (date: string) => {
    const n = messages.get(date) ?? 0;
    return n > 0 && <Text size="xs">{t("calendar.messages", { count: n, n: format.number(n) })}</Text>;
  };
  return (
    <>
      <Table visibleFrom="md" withTableBorder withColumnBorders layout="fixed" verticalSpacing={4} aria-label={t("calendar.title")}>
        <Table.Thead>
          <Table.Tr>
            {(weeks[0] ?? []).map((date) => (
              <Table.Th key={date}>{weekday.format(new Date(date))}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {weeks.map((week) => (
            <Table.Tr key={week[0]}>
              {week.map((date) => (
                <Table.Td key={date} h="6rem" valign="top" {...(date.startsWith(month) ? {} : { bg: "var(--mantine-color-default-hover)" })}>
                  {date.startsWith(month) && (
                    <Stack gap={2}>
                      <Group justify="space-between" gap={4} wrap="nowrap">
                        <Text size="sm" {...(date === today ? { fw: 800, "aria-current": "date" } : {})}>
                          {Number(date.slice(8))}
                        </Text>
                        {sum(date)}
                      </Group>
                      {(items.get(date) ?? []).map((item) => (
                        <Instant key={`${item.campaign_id} ${item.instant}`} item={item} />
                      ))}
                    </Stack>
                  )}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Stack hiddenFrom="md" gap="sm">
        {weeks
          .flat()
          .filter((date) => date.startsWith(month) && items.has(date))
          .map((date) => (
            <Box key={date}>
              <Group justify="space-between">
                <Text fw={600}>{dated.format(new Date(date))}</Text>
                {sum(date)}
              </Group>
              {(items.get(date) ?? []).map((item) => (
                <Instant key={`${item.campaign_id} ${item.instant}`} item={item} />
              ))}
            </Box>
          ))}
      </Stack>
    </>
  );
}

function Instant({ item }: { item: Item }) {
  const { t } = useTranslation();
  const format = useFormat();
  const left = item.status === "skipped" || item.status === "canceled";
  const about = [item.channel, left ? (item.detail ?? item.reason) : t("calendar.recipients", { count: item.recipients, n: format.number(item.recipients) })];
  return (
    <Text size="xs" title={about.filter(Boolean).join(", ")} {...(left ? { td: "line-through" as const } : {})} style={{ overflowWrap: "anywhere" }}>
      {item.local.slice(11, 16)}{" "}
      <TextLink to="/campaigns/$id" params={{ id: String(item.campaign_id) }} inherit>
        {item.campaign}
      </TextLink>
      {left && ` (${t("calendar.left")})`}
    </Text>
  );
}

/** Campaigns that go to the same people on one day. */
function Overlaps({ calendar }: { calendar: Schema<"Calendar"> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const found = calendar.overlaps ?? [];
  const name = (id: number) => calendar.items?.find((item) => item.campaign_id === id)?.campaign ?? String(id);
  if (found.length === 0) return null;
  return (
    <Part title={t("calendar.overlaps")}>
      <List size="sm">
        {found.map((o) => (
          <List.Item key={`${o.date} ${(o.campaign_ids ?? []).join()}`}>
            {t("calendar.overlap", {
              count: o.shared,
              n: format.number(o.shared),
              date: format.date(`${o.date}T00:00:00Z`, "UTC"),
              names: new Intl.ListFormat(format.language).format((o.campaign_ids ?? []).map(name)),
            })}
          </List.Item>
        ))}
      </List>
    </Part>
  );
}

/** Where more is to go than a channel's limits allow at once, in the server's words. */
function Loads({ calendar }: { calendar: Schema<"Calendar"> }) {
  const { t } = useTranslation();
  const found = calendar.loads ?? [];
  if (found.length === 0) return null;
  return (
    <Part title={t("calendar.loads")}>
      <List size="sm">
        {found.map((load) => (
          <List.Item key={`${load.channel_id} ${load.from}`}>{load.words}</List.Item>
        ))}
      </List>
    </Part>
  );
}
