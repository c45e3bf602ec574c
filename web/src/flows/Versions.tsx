import { Button, Card, Group, List, NativeSelect, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { without } from "@/campaigns/form";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { When } from "@/ui/When";

import { diff } from "./diff";
import type { Step } from "./graph";
import { move } from "./People";

type Flow = Schema<"Flow">;

/** The versions that were in force, what is other in each, and who is on it. */
export function Versions({ flow }: { flow: Flow }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const list = api.useQuery("get", "/v1/flows/{id}/versions", { params: { path: { id: flow.id } } }, { staleTime: 0 });
  const [moving, setMoving] = useState<Schema<"FlowVersion">>();
  const versions = list.data?.items ?? [];
  if (list.error) return <Failure error={list.error} />;
  if (flow.version === 0) return <Empty title={t("flow.notStarted")}>{t("flow.versionsHint")}</Empty>;
  return (
    <Stack>
      {flow.changed && (
        <Card withBorder component="section">
          <Title order={2} size="h4">
            {t("flow.notInForce")}
          </Title>
          <Changes flow={flow} from={flow.version} steps={flow.steps ?? []} />
        </Card>
      )}
      {versions.map((v) => (
        <Card withBorder component="section" key={v.version}>
          <Group justify="space-between">
            <Title order={2} size="h4">
              {t(v.version === flow.version ? "flow.inForce" : "flow.version", { n: v.version })}
            </Title>
            {edits && v.version < flow.version && v.inside > 0 && (
              <Button size="xs" disabled={flow.changed} onClick={() => setMoving(v)}>
                {t("flow.moveThem", { count: v.inside })}
              </Button>
            )}
          </Group>
          <Text size="sm">
            {t("flow.versionBy", { who: v.by, count: v.inside })} <When at={v.created_at} />
          </Text>
          {v.version > 1 && <Since flow={flow} version={v.version} />}
        </Card>
      ))}
      {moving && <Moving flow={flow} version={moving} close={() => setMoving(undefined)} />}
    </Stack>
  );
}

function Since({ flow, version }: { flow: Flow; version: number }) {
  const read = api.useQuery("get", "/v1/flows/{id}/versions/{version}", { params: { path: { id: flow.id, version } } }, { staleTime: Infinity });
  return read.data ? <Changes flow={flow} from={version - 1} steps={read.data.steps ?? []} /> : null;
}

/** What is other than in a version before, in words. */
function Changes({ flow, from, steps }: { flow: Flow; from: number; steps: Step[] }) {
  const { t } = useTranslation();
  const before = api.useQuery("get", "/v1/flows/{id}/versions/{version}", { params: { path: { id: flow.id, version: from } } }, { staleTime: Infinity });
  if (!before.data) return <Failure error={before.error} />;
  const list = diff(before.data.steps ?? [], steps);
  if (list.length === 0) return <Text size="sm">{t("flow.sameSteps")}</Text>;
  return (
    <List size="sm" mt="xs">
      {list.map((d) => (
        <List.Item key={d.step}>{t(`flow.diff.${d.what}`, { step: d.step, parts: d.parts.join(", ") })}</List.Item>
      ))}
    </List>
  );
}

/** Asks what becomes of who is on an older version: where each step's people go. */
function Moving({ flow, version, close }: { flow: Flow; version: Schema<"FlowVersion">; close: () => void }) {
  const { t } = useTranslation();
  const [to, setTo] = useState<Record<string, string>>({});
  const dry = api.useQuery(
    "post",
    "/v1/flows/{id}/versions/{version}/move",
    { params: { path: { id: flow.id, version: version.version } }, body: { dry_run: true, steps: to } },
    { staleTime: 0, placeholderData: (old) => old },
  );
  const many = version.inside > 1000 ? String(version.inside) : undefined;
  return (
    <Ask
      opened
      title={t("flow.moveTitle", { count: version.inside })}
      action={t("flow.moveThem", { count: version.inside })}
      typed={many}
      run={async () => {
        await move(flow.id, version.version, to, false);
        await refresh("/v1/flows");
      }}
      close={close}
    >
      <Stack gap="xs">
        <Text size="sm">{t("flow.moveHint")}</Text>
        <Failure error={dry.error} />
        {Object.entries(dry.data?.here ?? {}).map(([step, n]) => (
          <NativeSelect
            key={step}
            label={t("flow.moveFrom", { step, count: n })}
            value={to[step] ?? dry.data?.to[step] ?? ""}
            onChange={(e) => {
              const rest = without(to, step);
              setTo(e.currentTarget.value ? { ...rest, [step]: e.currentTarget.value } : rest);
            }}
            data={[{ value: "", label: t("flow.stay") }, ...(flow.steps ?? []).map((s) => s.id)]}
          />
        ))}
      </Stack>
    </Ask>
  );
}
