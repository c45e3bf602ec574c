import { Button, FileInput, Group, Loader, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";
import { Rows } from "@/ui/Rows";
import { TextLink } from "@/ui/links";

import { daysOf, linesOf } from "./days";
import { SettingsPage } from "./SettingsPage";

/** Calendars of days off, which schedules leave out. Which one is edited stands in the address. */
export default function Holidays() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/settings/holidays" });
  const edited = Number(search.calendar);
  return (
    <SettingsPage title={t("holidays.title")}>
      <Stack>
        <Part title={t("holidays.title")}>
          <List />
        </Part>
        {edited > 0 ? <Edited key={edited} id={edited} /> : <Make />}
      </Stack>
    </SettingsPage>
  );
}

function List() {
  const { t } = useTranslation();
  const format = useFormat();
  const list = api.useInfiniteQuery("get", "/v1/holidays", { params: { query: {} } }, pages);
  const [asked, setAsked] = useState<Schema<"HolidaysInfo">>();
  return (
    <>
      <Rows<Schema<"HolidaysInfo">>
        label={t("holidays.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(h) => h.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Empty title={t("holidays.none")}>{t("holidays.noneHint")}</Empty>}
        columns={[
          {
            key: "name",
            label: t("session.name"),
            cell: (h) => (
              <TextLink to="/settings/holidays" search={{ calendar: String(h.id) }}>
                {h.name}
              </TextLink>
            ),
          },
          { key: "size", label: t("holidays.days"), numbers: true, cell: (h) => format.number(h.size) },
          { key: "last", label: t("holidays.last"), cell: (h) => h.last && format.date(h.last, "UTC") },
          {
            key: "actions",
            label: t("common.actions"),
            cell: (h) => (
              <Button size="compact-xs" variant="default" aria-label={t("holidays.deleteNamed", { name: h.name })} onClick={() => setAsked(h)}>
                {t("webhook.delete")}
              </Button>
            ),
          },
        ]}
      />
      {asked && (
        <Ask
          opened
          danger
          title={t("holidays.deleteTitle", { name: asked.name })}
          action={t("webhook.delete")}
          run={async () => {
            await client.DELETE("/v1/holidays/{id}", { params: { path: { id: asked.id } } });
            await refresh("/v1/holidays");
          }}
          close={() => setAsked(undefined)}
        >
          {t("holidays.deleteHint", { count: asked.size, n: format.number(asked.size) })}
        </Ask>
      )}
    </>
  );
}

function Make() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const make = api.useMutation("post", "/v1/holidays", {
    onSuccess: async (made) => {
      notifications.show({ message: t("holidays.saved", { name: made.name }) });
      await refresh("/v1/holidays");
      await navigate({ to: "/settings/holidays", search: { calendar: String(made.id) } });
    },
  });
  return (
    <Part title={t("holidays.new")}>
      <Fields
        name=""
        days=""
        action={t("holidays.make")}
        error={make.error}
        busy={make.isPending}
        save={({ name, days, ical }) => make.mutate({ body: ical === undefined ? { name, dates: daysOf(days) } : { ...(name ? { name } : {}), ical } })}
      />
    </Part>
  );
}

function Edited({ id }: { id: number }) {
  const { t } = useTranslation();
  const read = api.useQuery("get", "/v1/holidays/{id}", { params: { path: { id } } });
  const save = api.useMutation("patch", "/v1/holidays/{id}", {
    onSuccess: async (kept) => {
      notifications.show({ message: t("holidays.saved", { name: kept.name }) });
      await refresh("/v1/holidays");
    },
  });
  const error = read.error;
  if (error) return <Failure error={error} />;
  if (!read.data) return <Loader size="sm" aria-label={t("common.loading")} />;
  return (
    <Part title={t("holidays.edit", { name: read.data.name })}>
      <Fields
        key={read.data.updated_at}
        name={read.data.name}
        days={linesOf(read.data.dates ?? [])}
        action={t("common.save")}
        error={save.error}
        busy={save.isPending}
        save={({ name, days, ical }) => save.mutate({ params: { path: { id } }, body: ical === undefined ? { name, dates: daysOf(days) } : { name, ical } })}
      />
      <TextLink to="/settings/holidays" size="sm">
        {t("holidays.new")}
      </TextLink>
    </Part>
  );
}

interface Given {
  name: string;
  days: string;
  /** The text of an iCalendar file, in the place of days. */
  ical: string | undefined;
}

interface FieldsProps {
  name: string;
  days: string;
  action: string;
  error: unknown;
  busy: boolean;
  save: (given: Given) => void;
}

function Fields({ name, days, action, error, busy, save }: FieldsProps) {
  const { t } = useTranslation();
  const [given, setGiven] = useState({ name, days });
  const [file, setFile] = useState<File | null>(null);
  const go = async () => save({ ...given, name: given.name.trim(), ical: file ? await file.text() : undefined });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void go();
      }}
    >
      <Stack gap="sm" maw="40rem">
        <TextInput
          label={t("session.name")}
          required={file === null}
          maxLength={100}
          value={given.name}
          error={wrong(error, "name")}
          onChange={(e) => setGiven({ ...given, name: e.currentTarget.value })}
        />
        <Textarea
          label={t("holidays.days")}
          description={t("holidays.daysHint")}
          autosize
          minRows={4}
          maxRows={20}
          disabled={file !== null}
          value={given.days}
          error={wrong(error, "dates")}
          onChange={(e) => setGiven({ ...given, days: e.currentTarget.value })}
        />
        <FileInput label={t("holidays.file")} description={t("holidays.fileHint")} accept=".ics,text/calendar" clearable value={file} error={wrong(error, "ical")} onChange={setFile} clearButtonProps={{ "aria-label": t("common.clear") }} />
        <Failure error={error} fields={["name", "dates", "ical"]} />
        <Text size="sm" c="dimmed">
          {t("holidays.bound")}
        </Text>
        <Group>
          <Button type="submit" loading={busy}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
