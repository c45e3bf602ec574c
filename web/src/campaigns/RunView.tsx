import { Alert, Button, Card, Grid, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { RunBadge, StateBadge } from "@/ui/State";
import { When } from "@/ui/When";
import { TextLink } from "@/ui/links";

import { funnel, states } from "./counts";
import { Progress } from "./Progress";
import { Rate } from "./Rate";

type Campaign = Schema<"Campaign">;
type Run = Schema<"Run">;

/** A run: how far it is, what became of its messages, and the proof. */
export function RunView({ campaign, run }: { campaign: Campaign; run: Run }) {
  const { t } = useTranslation();
  const format = useFormat();
  const edits = useMay("editor");
  const under = campaign.status === "running" || campaign.status === "scheduled" || campaign.status === "paused";
  const steps = funnel(run);
  const most = steps[0]?.n ?? 0;
  const [proving, setProving] = useState(false);
  const proof = api.useQuery("get", "/v1/campaigns/{id}/verify", { params: { path: { id: campaign.id } } }, { enabled: proving, staleTime: 0 });
  const proven = proof.data?.runs?.find((v) => v.run_id === run.id);
  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Card withBorder h="100%">
          <Stack gap="xs">
            <Group justify="space-between">
              <Title order={2} size="h4">
                {t("run.title")}
              </Title>
              <RunBadge status={run.status} />
            </Group>
            <Progress run={run} />
            <Group gap="lg">
              <Text size="sm">{t("run.rate", { rate: format.number(Math.round(run.sent_per_second * 10) / 10) })}</Text>
              {run.estimated_end && (
                <Text size="sm">
                  {t("run.ends")} <When at={run.estimated_end} />
                </Text>
              )}
              {run.finished_at && (
                <Text size="sm">
                  {t("run.ended")} <When at={run.finished_at} exact />
                </Text>
              )}
            </Group>
            {edits && under && <Rate campaign={campaign} />}
            {(run.says ?? []).map((line) => (
              <Alert key={line} color="orange">
                {line}
              </Alert>
            ))}
            <Table aria-label={t("run.funnel")} withRowBorders={false} verticalSpacing={3}>
              <Table.Tbody>
                {steps.map(({ step, n }) => (
                  <Table.Tr key={step}>
                    <Table.Th scope="row" w="9rem">
                      {t(`run.step.${step}`)}
                    </Table.Th>
                    <Table.Td className="numbers" w="6rem">
                      {format.number(n)}
                    </Table.Td>
                    <Table.Td>
                      <svg width="100%" height="12" aria-hidden="true">
                        <rect width={`${most > 0 ? (n / most) * 100 : 0}%`} height="12" rx="2" fill="var(--mantine-color-cyan-8)" />
                      </svg>
                    </Table.Td>
                    <Table.Td className="numbers" w="4.5rem">
                      {most > 0 ? format.percent(n / most) : ""}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Stack>
        </Card>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Card withBorder h="100%">
          <Stack gap="xs">
            <Title order={2} size="h4">
              {t("run.states")}
            </Title>
            <Table verticalSpacing={3} aria-label={t("run.states")}>
              <Table.Tbody>
                {states
                  .filter((state) => (run.counts[state] ?? 0) > 0)
                  .map((state) => (
                    <Table.Tr key={state}>
                      <Table.Td>
                        <StateBadge state={state} />
                      </Table.Td>
                      <Table.Td className="numbers">
                        <TextLink to="/messages" search={{ campaign: String(campaign.id), run: String(run.id), state }}>
                          {format.number(run.counts[state] ?? 0)}
                        </TextLink>
                      </Table.Td>
                    </Table.Tr>
                  ))}
              </Table.Tbody>
            </Table>
            <Group>
              <Button size="xs" variant="default" component="a" href={`/v1/runs/${run.id}/messages.csv`} download>
                {t("run.csv")}
              </Button>
              <Button size="xs" variant="default" loading={proof.isFetching} onClick={() => (proving ? void proof.refetch() : setProving(true))}>
                {t("run.prove")}
              </Button>
            </Group>
            <Failure error={proof.error} />
            {proven && (proven.problems ?? []).length === 0 && (
              <Alert color="green">
                {t("run.proven", {
                  planned: format.number(proven.planned),
                  rows: format.number(Object.values(proven.rows).reduce((sum, n) => sum + n, 0)),
                })}
              </Alert>
            )}
            {proven && (proven.problems ?? []).length > 0 && <Alert color="red">{(proven.problems ?? []).join(" ")}</Alert>}
          </Stack>
        </Card>
      </Grid.Col>
    </Grid>
  );
}
