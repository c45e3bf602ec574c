import { Button, Group, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { Part } from "@/ui/Part";
import { Tint } from "@/ui/State";

import { TakeOver } from "./TakeOver";

const tints = { ok: "good", refused: "bad", unreachable: "bad", untold: "quiet" } as const;
const states = { approved: "good", pending: "warn", rejected: "bad", paused: "bad", disabled: "bad" } as const;

/** Whether a channel's provider takes its settings, and the templates that it keeps. */
export function Probe({ channel, keeps }: { channel: Schema<"Channel">; keeps: boolean }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const path = { params: { path: { id: channel.id } } };
  const check = api.useMutation("post", "/v1/channels/{id}/check");
  const sync = api.useMutation("post", "/v1/channels/{id}/templates/sync", { onSuccess: () => refresh("/v1/templates") });
  if (!edits) return null;
  const found = check.data;
  const list = sync.data?.templates ?? [];
  return (
    <Part title={t("probe.title")}>
      <Text size="sm" mb="sm">
        {t("probe.hint")}
      </Text>
      <Group mb="sm">
        <Button variant="default" loading={check.isPending} onClick={() => check.mutate(path)}>
          {t("probe.ask")}
        </Button>
        {keeps && (
          <Button variant="default" loading={sync.isPending} onClick={() => sync.mutate(path)}>
            {t("probe.sync")}
          </Button>
        )}
        {keeps && !sync.isIdle && <TakeOver channel={channel} done={() => sync.mutate(path)} />}
        <Group gap="xs" role="status">
          {found && <Tint as={tints[found.state]}>{t(`probe.state.${found.state}`)}</Tint>}
          {found?.detail && <Text size="sm">{found.detail}</Text>}
          {sync.data && list.length === 0 && <Text size="sm">{t("probe.none")}</Text>}
        </Group>
      </Group>
      <Failure error={check.error ?? sync.error} />
      {list.length > 0 && (
        <Table.ScrollContainer minWidth={480} scrollAreaProps={{ viewportProps: { tabIndex: 0, role: "region", "aria-label": t("probe.templates") } }}>
          <Table aria-label={t("probe.templates")}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("probe.name")}</Table.Th>
                <Table.Th>{t("probe.language")}</Table.Th>
                <Table.Th>{t("probe.status")}</Table.Th>
                <Table.Th>{t("probe.here")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {list.map((one) => (
                <Table.Tr key={`${one.name} ${one.language}`}>
                  <Table.Td>{one.name}</Table.Td>
                  <Table.Td>{one.language}</Table.Td>
                  <Table.Td>
                    <Tint as={states[one.status]}>{t(`probe.is.${one.status}`)}</Tint> {one.reason}
                  </Table.Td>
                  <Table.Td>{one.differs ? t("probe.differs") : one.template_id ? t("probe.taken") : t("probe.missing")}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Part>
  );
}
