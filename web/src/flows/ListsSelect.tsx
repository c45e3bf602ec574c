import { MultiSelect } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";

type Lists = Schema<"NamedLists">;

interface Props {
  label: string;
  lists: Lists | undefined;
  error: string | undefined;
  /** Told of those that are chosen; undefined for none. */
  set: (lists: Lists | undefined) => void;
}

const kinds = ["groups", "labels", "categories"] as const;

/** Chooses among the lists that people may be put into. */
export function ListsSelect({ label, lists, error, set }: Props) {
  const { t } = useTranslation();
  const query = { params: { query: { limit: 500 } } };
  const found = {
    groups: api.useQuery("get", "/v1/groups", query).data?.items ?? [],
    labels: api.useQuery("get", "/v1/labels", query).data?.items ?? [],
    categories: api.useQuery("get", "/v1/categories", query).data?.items ?? [],
  };
  const data = kinds.map((kind) => ({ group: t(`lists.${kind}`), items: found[kind].map((one) => ({ value: `${kind}:${one.id}`, label: one.name })) }));
  const choose = (values: string[]) => {
    const of = (kind: string) => values.filter((v) => v.startsWith(`${kind}:`)).map((v) => Number(v.slice(kind.length + 1)));
    set(values.length > 0 ? Object.fromEntries(kinds.map((kind) => [kind, of(kind)] as const).filter(([, ids]) => ids.length > 0)) : undefined);
  };
  return (
    <MultiSelect
      label={label}
      searchable
      data={data.filter((d) => d.items.length > 0)}
      value={kinds.flatMap((kind) => (lists?.[kind] ?? []).map((id) => `${kind}:${String(id)}`))}
      error={error}
      onChange={choose}
      nothingFoundMessage={t("audience.noLists")}
    />
  );
}
