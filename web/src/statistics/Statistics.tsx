import { Button, Group, Loader, NativeSelect, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Page } from "@/ui/Page";
import { useNow } from "@/ui/When";
import { ButtonLink } from "@/ui/links";

import { Hours } from "./Hours";
import { Notes } from "./Notes";
import { before, intervalOf, intervals, rangeOf, ranges, type Span, spanOf, today } from "./range";
import { csvOf } from "./read";
import { ViewOf } from "./View";
import { type ViewID, viewIDs, views } from "./views";

const minute = 60_000; // ms

/** What was sent, what became of it, and what people did. What is looked at stands in the address. */
export default function Statistics() {
  const { t } = useTranslation();
  const settings = api.useQuery("get", "/v1/settings", {}, { staleTime: Infinity });
  return settings.data ? (
    <Known zone={settings.data.timezone} />
  ) : (
    <Page title={t("stats.title")}>
      <Failure error={settings.error} again={() => void settings.refetch()} />
      {settings.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
    </Page>
  );
}

function Known({ zone }: { zone: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const search = useSearch({ from: "/inside/statistics" });
  const now = today(new Date(useNow(minute)), zone);
  const view = viewIDs.find((id) => id === search.view) ?? "campaigns";
  const span = spanOf(search, now);
  const interval = intervalOf(search, span);
  const dates = ({ from, to }: Span) => [...new Set([from, to])].map((date) => format.date(date, "UTC")).join(" – ");
  const earlier = search.compare ? before(span) : undefined;
  return (
    <Page
      title={t("stats.title")}
      actions={
        view !== "notes" && (
          <Group gap="xs" className="unprinted">
            <Button component="a" variant="default" href={csvOf(view === "hours" ? view : views[view].subject, span, interval)} download={`${view}.csv`}>
              {t("stats.csv")}
            </Button>
            <Button variant="default" onClick={() => window.print()}>
              {t("stats.print")}
            </Button>
          </Group>
        )
      }
    >
      <Stack>
        <Views view={view} />
        {view !== "notes" && (
          <>
            <Filters span={span} interval={interval} plain={view === "hours"} />
            <Text size="sm" c="dimmed">
              {t("stats.days", { dates: dates(span), zone })}
              {earlier && ` ${t("stats.comparedWith", { dates: dates(earlier) })}`}
            </Text>
          </>
        )}
        {view === "notes" && <Notes />}
        {view === "hours" && <Hours span={span} />}
        {view !== "notes" && view !== "hours" && <ViewOf key={view} id={view} span={span} earlier={earlier} interval={interval} zone={zone} />}
      </Stack>
    </Page>
  );
}

/** The way to each view, in the same time. */
function Views({ view }: { view: ViewID }) {
  const { t } = useTranslation();
  return (
    <Group component="nav" gap="xs" aria-label={t("stats.views")}>
      {viewIDs.map((id) => (
        <ButtonLink
          key={id}
          from="/statistics"
          to="/statistics"
          search={(old) => ({ ...old, view: id })}
          size="xs"
          variant={view === id ? "filled" : "default"}
          {...(view === id ? { "aria-current": "page" as const } : {})}
        >
          {t(`stats.view.${id}`)}
        </ButtonLink>
      ))}
    </Group>
  );
}

/** Of which time, how finely, and whether it is compared. */
function Filters({ span, interval, plain }: { span: Span; interval: string; plain: boolean }) {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/statistics" });
  const navigate = useNavigate({ from: "/statistics" });
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const range = rangeOf(search);
  return (
    <Group align="flex-end" role="search" aria-label={t("audit.filters")} className="unprinted">
      <NativeSelect
        label={t("stats.time")}
        value={range}
        onChange={(e) => {
          const chosen = e.currentTarget.value;
          set({ range: chosen, ...(chosen === "own" ? { from: span.from, to: span.to } : { from: undefined, to: undefined }) });
        }}
        data={ranges.map((value) => ({ value, label: t(`stats.range.${value}`) }))}
      />
      {range === "own" &&
        (["from", "to"] as const).map((key) => (
          <TextInput key={key} type="date" label={t(`stats.${key}`)} defaultValue={span[key]} onChange={(e) => set({ [key]: e.currentTarget.value || undefined })} />
        ))}
      {!plain && (
        <>
          <NativeSelect
            label={t("stats.interval")}
            value={interval}
            onChange={(e) => set({ interval: e.currentTarget.value })}
            data={intervals.map((value) => ({ value, label: t(`stats.by.${value}`) }))}
          />
          <Switch label={t("stats.compare")} mb={8} checked={search.compare === "before"} onChange={(e) => set({ compare: e.currentTarget.checked ? "before" : undefined })} />
        </>
      )}
    </Group>
  );
}
