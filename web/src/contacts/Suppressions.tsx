import { Button, Group, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, pages, refresh, type Schema } from "@/api/client";
import { useFind } from "@/app/find";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Empty } from "@/ui/Empty";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

import { addressKinds } from "./contactForm";
import { PeoplePage } from "./PeoplePage";
import { AddSuppression, ImportSuppressions } from "./SuppressionForms";

type Suppression = Schema<"Suppression">;

const needsForce = new Set(["bounced", "complained"]);

/** Addresses that nobody writes to any more. */
export default function Suppressions() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/suppressions" });
  const navigate = useNavigate({ from: "/suppressions" });
  const edits = useMay("editor");
  const [adding, setAdding] = useState<"one" | "file">();
  const [lifted, setLifted] = useState<Suppression>();
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const find = useFind((q: string) => set({ q: q || undefined }));
  const kind = addressKinds.find((k) => k === search.kind);
  const list = api.useInfiniteQuery(
    "get",
    "/v1/suppressions",
    { params: { query: { limit: 100, ...(search.q ? { q: search.q } : {}), ...(kind ? { kind } : {}) } } },
    pages,
  );
  return (
    <PeoplePage
      title={t("suppressions.title")}
      actions={
        edits && (
          <>
            <Button onClick={() => setAdding("one")}>{t("suppressions.add")}</Button>
            <Button variant="default" onClick={() => setAdding("file")}>
              {t("suppressions.import")}
            </Button>
            <Button variant="default" component="a" href="/v1/suppressions/export" download="suppressions.csv">
              {t("suppressions.export")}
            </Button>
          </>
        )
      }
    >
      <Stack>
        {adding === "one" && <AddSuppression close={() => setAdding(undefined)} />}
        {adding === "file" && <ImportSuppressions close={() => setAdding(undefined)} />}
        <Group>
          <TextInput
            aria-label={t("suppressions.search")}
            placeholder={t("suppressions.search")}
            type="search"
            defaultValue={search.q ?? ""}
            onChange={(e) => find(e.currentTarget.value)}
          />
          <NativeSelect
            aria-label={t("suppressions.kind")}
            value={kind ?? ""}
            onChange={(e) => set({ kind: e.currentTarget.value || undefined })}
            data={[{ value: "", label: t("suppressions.anyKind") }, ...addressKinds]}
          />
        </Group>
        <Rows<Suppression>
          label={t("suppressions.title")}
          rows={list.data?.pages.flatMap((page) => page.items ?? [])}
          id={(s) => `${s.kind} ${s.address}`}
          error={list.error}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          empty={search.q || kind ? <Empty title={t("suppressions.noneFound")} /> : <Empty title={t("suppressions.none")}>{t("suppressions.noneHint")}</Empty>}
          columns={[
            { key: "address", label: t("suppressions.address"), cell: (s) => s.address },
            { key: "kind", label: t("suppressions.kind"), cell: (s) => s.kind },
            { key: "reason", label: t("suppressions.reason"), cell: (s) => s.reason },
            { key: "at", label: t("messages.at"), wide: true, cell: (s) => <When at={s.created_at} /> },
            ...(edits
              ? [
                  {
                    key: "actions",
                    label: t("common.actions"),
                    cell: (s: Suppression) => (
                      <Button size="compact-xs" variant="default" aria-label={t("suppressions.removeNamed", { address: s.address })} onClick={() => setLifted(s)}>
                        {t("suppressions.remove")}
                      </Button>
                    ),
                  },
                ]
              : []),
          ]}
        />
        {lifted && (
          <Ask
            opened
            danger
            title={t("suppressions.removeTitle", { address: lifted.address })}
            action={t("suppressions.remove")}
            run={async () => {
              const force = needsForce.has(lifted.reason ?? "");
              await client.DELETE("/v1/suppressions", { params: { query: { kind: lifted.kind, address: lifted.address, ...(force ? { force } : {}) } } });
              await refresh("/v1/suppressions", "/v1/contacts");
            }}
            close={() => setLifted(undefined)}
          >
            {needsForce.has(lifted.reason ?? "") ? t("suppressions.forceHint", { reason: lifted.reason ?? "" }) : t("suppressions.removeHint")}
          </Ask>
        )}
      </Stack>
    </PeoplePage>
  );
}
