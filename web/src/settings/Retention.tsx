import { Button, Group, Loader, NumberInput, Stack, Table, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";

import { SettingsPage } from "./SettingsPage";

type Kind = Schema<"Kept">["kind"];
type Days = Partial<Record<Kind, number>>;

const many = 1000; // from there on the number has to be typed

/** For how long what is kept. */
export default function Retention() {
  const { t } = useTranslation();
  const read = api.useQuery("get", "/v1/retention");
  return (
    <SettingsPage title={t("retention.title")}>
      <Failure error={read.error} again={() => void read.refetch()} />
      {read.isPending && <Loader size="sm" aria-label={t("common.loading")} />}
      {read.data && <Known kept={read.data.items ?? []} />}
    </SettingsPage>
  );
}

function Known({ kept }: { kept: readonly Schema<"Kept">[] }) {
  const { t } = useTranslation();
  const [days, setDays] = useState<Days>({});
  const [asked, setAsked] = useState(false);
  const change: Days = Object.fromEntries(kept.filter((k) => days[k.kind] !== undefined && days[k.kind] !== k.days).map((k) => [k.kind, days[k.kind]]));
  const preview = api.useMutation("post", "/v1/retention/preview", { onSuccess: () => setAsked(true) });
  const removed = preview.data?.items ?? [];
  const sum = removed.reduce((n, r) => n + r.rows, 0);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        preview.mutate({ body: change });
      }}
    >
      <Part title={t("retention.title")}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {t("retention.hint")}
          </Text>
          <Table aria-label={t("retention.title")} verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("retention.kind")}</Table.Th>
                <Table.Th>{t("retention.days")}</Table.Th>
                <Table.Th visibleFrom="sm">{t("retention.removes")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {kept.map((k) => (
                <Table.Tr key={k.kind}>
                  <Table.Th scope="row">{t(`retention.of.${k.kind}`)}</Table.Th>
                  <Table.Td>
                    <NumberInput
                      aria-label={t("retention.daysOf", { what: t(`retention.of.${k.kind}`) })}
                      {...(k.days === k.default_days ? {} : { description: t("retention.default", { n: k.default_days }) })}
                      min={0}
                      max={3650}
                      allowDecimal={false}
                      w="8rem"
                      value={days[k.kind] ?? k.days}
                      error={wrong(preview.error, k.kind)}
                      onChange={(n) => setDays({ ...days, [k.kind]: Number(n) || 0 })}
                    />
                  </Table.Td>
                  <Table.Td visibleFrom="sm">
                    <Text size="sm">{k.removes}</Text>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          <Failure error={preview.error} fields={kept.map((k) => k.kind)} />
          <Group>
            <Button type="submit" loading={preview.isPending} disabled={Object.keys(change).length === 0}>
              {t("retention.preview")}
            </Button>
          </Group>
        </Stack>
      </Part>
      <Ask
        opened={asked}
        danger={sum > 0}
        title={t("retention.askTitle")}
        action={t("common.save")}
        typed={sum > many ? String(sum) : undefined}
        run={async () => {
          await client.PATCH("/v1/retention", { body: change });
          setDays({});
          notifications.show({ message: t("retention.saved") });
          await refresh("/v1/retention");
        }}
        close={() => setAsked(false)}
      >
        <Removals list={removed} sum={sum} />
      </Ask>
    </form>
  );
}

/** What goes away within the hour. */
function Removals({ list, sum }: { list: readonly Schema<"Removal">[]; sum: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (sum === 0) return t("retention.nothing");
  return (
    <Stack gap="xs">
      <Text size="sm">{t("retention.askHint")}</Text>
      <Table aria-label={t("retention.preview")} verticalSpacing={3}>
        <Table.Tbody>
          {list.map((r) => (
            <Table.Tr key={r.kind}>
              <Table.Th scope="row">{t(`retention.of.${r.kind as Kind}`)}</Table.Th>
              <Table.Td className="numbers">{r.more ? t("retention.more", { n: format.number(r.rows) }) : format.number(r.rows)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}
