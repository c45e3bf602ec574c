import { Button, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, pages, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { PeoplePage } from "@/contacts/PeoplePage";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

type Reply = Schema<"Reply">;

const meanings = ["opt_out", "opt_in", "help", "other"] as const;

/** What people wrote: first what a person has to read, and say what it means. */
export default function Replies() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/replies" });
  const navigate = useNavigate({ from: "/replies" });
  const edits = useMay("editor");
  const all = search.all !== undefined;
  const list = api.useInfiniteQuery("get", "/v1/replies", { params: { query: { limit: 50, ...(all ? {} : { review: true }) } } }, pages);
  const review = api.useMutation("post", "/v1/replies/{id}/review", { onSuccess: () => refresh("/v1/replies", "/v1/contacts", "/v1/suppressions", "/v1/status") });
  const waits = (r: Reply) => r.meaning === "near" && !r.reviewed_at;
  return (
    <PeoplePage title={t("replies.title")}>
      <Stack>
        <Group>
          <NativeSelect
            aria-label={t("replies.which")}
            value={all ? "all" : ""}
            onChange={(e) => void navigate({ search: e.currentTarget.value ? { all: "yes" } : {}, replace: true })}
            data={[
              { value: "", label: t("replies.waiting") },
              { value: "all", label: t("replies.all") },
            ]}
          />
        </Group>
        <Failure error={review.error} />
        <Rows<Reply>
          label={t("replies.title")}
          rows={list.data?.pages.flatMap((page) => page.items ?? [])}
          id={(r) => r.id}
          error={list.error}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          empty={<Empty title={all ? t("replies.none") : t("replies.noneWaits")}>{t("replies.noneHint")}</Empty>}
          columns={[
            {
              key: "who",
              label: t("replies.from"),
              cell: (r) =>
                r.contact_id === undefined ? (
                  r.address
                ) : (
                  <TextLink to="/contacts/$id" params={{ id: String(r.contact_id) }}>
                    {r.address}
                  </TextLink>
                ),
            },
            {
              key: "text",
              label: t("replies.text"),
              cell: (r) => (
                <>
                  <Text size="sm">{r.text}</Text>
                  {r.type !== "text" && (
                    <Text size="xs" c="dimmed">
                      {[t(`replies.types.${r.media?.type ?? r.type}`), (r.button ?? r.choice)?.title].filter(Boolean).join(": ")}
                    </Text>
                  )}
                </>
              ),
            },
            { key: "at", label: t("messages.at"), wide: true, cell: (r) => <When at={r.at} /> },
            {
              key: "meaning",
              label: t("replies.meaning"),
              cell: (r) =>
                edits && waits(r) ? (
                  <Group gap={4}>
                    {meanings.map((meaning) => (
                      <Button
                        key={meaning}
                        size="compact-xs"
                        variant="default"
                        aria-label={t("replies.means", { who: r.address, what: t(`replies.meanings.${meaning}`) })}
                        disabled={review.isPending}
                        onClick={() => review.mutate({ params: { path: { id: r.id } }, body: { meaning } })}
                      >
                        {t(`replies.meanings.${meaning}`)}
                      </Button>
                    ))}
                  </Group>
                ) : (
                  t(`replies.meanings.${r.meaning}`)
                ),
            },
          ]}
        />
      </Stack>
    </PeoplePage>
  );
}
