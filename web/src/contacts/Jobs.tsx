import { Progress } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { Empty } from "@/ui/Empty";
import { useFormat } from "@/ui/format";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { over, share, useJobWords } from "./JobBar";
import { PeoplePage } from "./PeoplePage";

type Job = Schema<"Job">;

const again = 2000; // ms until one that goes on is looked at anew

/** What was done to many at once, and how far it is. */
export default function Jobs() {
  const { t } = useTranslation();
  const format = useFormat();
  const words = useJobWords();
  const list = api.useInfiniteQuery("get", "/v1/jobs", { params: { query: { limit: 50 } } }, {
    ...pages,
    refetchInterval: ({ state }) => ((state.data?.pages ?? []).some((page) => (page.items ?? []).some((job) => !over(job))) ? again : false),
  });
  return (
    <PeoplePage title={t("job.title")}>
      <Rows<Job>
        label={t("job.title")}
        rows={list.data?.pages.flatMap((page) => page.items ?? [])}
        id={(j) => j.id}
        error={list.error}
        more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        empty={<Empty title={t("job.none")}>{t("job.noneHint")}</Empty>}
        columns={[
          { key: "what", label: t("job.what"), cell: words },
          {
            key: "state",
            label: t("contacts.status"),
            cell: (j) => (over(j) ? t(`job.states.${j.state}`) : <Progress value={share(j) * 100} aria-label={t(`job.states.${j.state}`)} miw="6rem" />),
          },
          { key: "done", label: t("job.done"), numbers: true, cell: (j) => `${format.number(j.done)} / ${format.number(j.total)}` },
          { key: "changed", label: t("job.changed"), numbers: true, wide: true, cell: (j) => format.number(j.changed) },
          { key: "error", label: t("job.error"), wide: true, cell: (j) => j.error },
          { key: "by", label: t("contacts.by"), wide: true, cell: (j) => j.actor },
          { key: "at", label: t("messages.at"), wide: true, cell: (j) => <When at={j.created_at} /> },
        ]}
      />
    </PeoplePage>
  );
}
