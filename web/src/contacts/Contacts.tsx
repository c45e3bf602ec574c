import { Group, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { useFind } from "@/app/find";
import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { useFormat } from "@/ui/format";
import { ButtonLink } from "@/ui/links";
import { pageSize } from "@/ui/long";

import { JobBar } from "./JobBar";
import { PeoplePage } from "./PeoplePage";
import { Selectable } from "./Selectable";

/** Everybody whom the account knows, found by name, address or id. */
export default function Contacts() {
  const { t } = useTranslation();
  const format = useFormat();
  const search = useSearch({ from: "/inside/contacts" });
  const navigate = useNavigate({ from: "/contacts" });
  const edits = useMay("editor");
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const find = useFind((q: string) => set({ q: q || undefined }));
  const query = search.q ? { q: search.q } : {};
  const counted = api.useQuery("get", "/v1/contacts", { params: { query: { ...query, limit: 1, page: 1, bare: true } } });
  const total = counted.data?.total;
  const upload = edits && <ButtonLink to="/contacts/import">{t("contacts.import")}</ButtonLink>;
  return (
    <PeoplePage title={t("contacts.title")} actions={upload}>
      <Stack>
        <Group>
          <TextInput
            aria-label={t("contacts.search")}
            placeholder={t("contacts.search")}
            type="search"
            miw="18rem"
            defaultValue={search.q ?? ""}
            onChange={(e) => find(e.currentTarget.value)}
          />
          <ButtonLink variant="default" to="/contacts/by-rule">
            {t("targeting.byRuleLink")}
          </ButtonLink>
          {total !== undefined && (
            <Text size="sm" c="dimmed" role="status">
              {t("contacts.total", { count: total, n: format.number(total) })}
            </Text>
          )}
        </Group>
        {search.job && <JobBar id={Number(search.job)} close={() => set({ job: undefined })} />}
        <Selectable
          key={search.q ?? ""}
          name={`contacts ${search.q ?? ""}`}
          page={(cursor) => api.queryOptions("get", "/v1/contacts", { params: { query: { ...query, limit: pageSize, ...(cursor ? { cursor } : {}) } } })}
          total={total}
          found={search.q ? { q: search.q } : { all: true }}
          started={(job) => set({ job: String(job) })}
          empty={
            search.q ? (
              <Empty title={t("contacts.noneFound")}>{t("contacts.noneFoundHint")}</Empty>
            ) : (
              <Empty title={t("contacts.none")} action={upload}>
                {t("contacts.noneHint")}
              </Empty>
            )
          }
        />
      </Stack>
    </PeoplePage>
  );
}
