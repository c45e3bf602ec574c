import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";

type Job = Schema<"Job">;

const lookEvery = 500; // ms

/** Reports whether a job is over. */
export const over = (job: Job) => job.state === "finished" || job.state === "failed";

/** How much of a job is done, from 0 to 1. */
export const share = (job: Job) => (over(job) ? 1 : job.total > 0 ? Math.min(1, job.done / job.total) : 0);

/** What a job does, in words. */
export function useJobWords() {
  const { t } = useTranslation();
  const actions: Record<string, string> = {
    start: t("bulk.start"),
    stop: t("bulk.stop"),
    block: t("bulk.block"),
    unblock: t("bulk.unblock"),
    add: t("bulk.add"),
    remove: t("bulk.remove"),
    set: t("bulk.set"),
    delete: t("bulk.delete"),
  };
  const kinds: Record<string, string> = { convert_property: t("job.convert"), remove_property: t("job.removeProperty"), adopt_values: t("job.adopt") };
  return (job: Job) => [kinds[job.kind] ?? actions[job.action] ?? job.action, job.property].filter(Boolean).join(" · ");
}

/** How far a job is, as long as it stands in the address. */
export function JobBar({ id, close }: { id: number; close: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const words = useJobWords();
  const read = api.useQuery(
    "get",
    "/v1/jobs/{id}",
    { params: { path: { id } } },
    {
      staleTime: 0,
      refetchInterval: ({ state }) => {
        if (state.error) return false;
        if (!state.data || !over(state.data)) return lookEvery;
        void refresh("/v1/contacts", "/v1/groups", "/v1/labels", "/v1/categories", "/v1/properties");
        return false;
      },
    },
  );
  if (read.error) return <Failure error={read.error} />;
  const job = read.data;
  if (!job) return null;
  return (
    <Alert color={job.state === "failed" ? "red" : job.state === "finished" ? "green" : "cyan"} title={words(job)} role="status">
      <Stack gap="xs">
        {!over(job) && <Progress value={share(job) * 100} aria-label={words(job)} animated />}
        <Group justify="space-between">
          <Text size="sm">
            {t("job.counts", { done: format.number(job.done), total: format.number(job.total), changed: format.number(job.changed) })} {job.error}
          </Text>
          {over(job) && (
            <Button size="compact-xs" variant="default" onClick={close}>
              {t("common.close")}
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}
