import { Group, Stack, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { ButtonLink, TextLink } from "@/ui/links";
import { PeoplePage } from "@/contacts/PeoplePage";
import { Rows } from "@/ui/Rows";
import { When } from "@/ui/When";

const most = 500; // lists that are read at a time; an account has at most 1000

/** Targeting lists: saved rules by which campaigns choose people. */
export default function Lists() {
  const { t } = useTranslation();
  const { q = "" } = useSearch({ from: "/inside/targeting" });
  const navigate = useNavigate({ from: "/targeting" });
  const edits = useMay("editor");
  const list = api.useInfiniteQuery("get", "/v1/targeting", { params: { query: { limit: most } } }, pages);
  const wanted = q.toLocaleLowerCase();
  const add = edits && <ButtonLink to="/targeting/new">{t("targeting.new")}</ButtonLink>;
  return (
    <PeoplePage title={t("targeting.title")} actions={add}>
      <Stack>
        <Group>
          <TextInput
            aria-label={t("targeting.search")}
            placeholder={t("targeting.search")}
            type="search"
            miw="18rem"
            value={q}
            onChange={(e) => void navigate({ search: e.currentTarget.value ? { q: e.currentTarget.value } : {}, replace: true })}
          />
        </Group>
        <Rows<Schema<"TargetingList">>
          label={t("targeting.title")}
          rows={list.data?.pages.flatMap((page) => page.items ?? []).filter((l) => l.name.toLocaleLowerCase().includes(wanted))}
          id={(l) => l.id}
          error={list.error}
          more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          empty={
            q ? (
              <Empty title={t("targeting.noneFound")}>{t("targeting.noneFoundHint")}</Empty>
            ) : (
              <Empty title={t("targeting.none")} action={add}>
                {t("targeting.noneHint")}
              </Empty>
            )
          }
          columns={[
            {
              key: "name",
              label: t("targeting.name"),
              cell: (l) => (
                <TextLink to="/targeting/$id" params={{ id: String(l.id) }} style={{ overflowWrap: "anywhere" }}>
                  {l.name}
                </TextLink>
              ),
            },
            { key: "changed", label: t("targeting.changed"), cell: (l) => <When at={l.updated_at} /> },
          ]}
        />
      </Stack>
    </PeoplePage>
  );
}
