// The lists that contacts are members of.
import { api } from "@/api/client";

export const kinds = ["groups", "labels", "categories"] as const;
export type ListKind = (typeof kinds)[number];

/** The path of a kind of list, by the word that memberships have for it. */
export const kindOf: Record<string, ListKind | undefined> = { group: "groups", label: "labels", category: "categories" };

interface Option {
  value: string;
  label: string;
}

/** All lists by their kind, to choose from. */
export function useListOptions(): Record<ListKind, Option[]> {
  const query = { params: { query: { limit: 500 } } };
  const options = (items: readonly { id: number; name: string }[] | null | undefined): Option[] => (items ?? []).map(({ id, name }) => ({ value: String(id), label: name }));
  return {
    groups: options(api.useQuery("get", "/v1/groups", query).data?.items),
    labels: options(api.useQuery("get", "/v1/labels", query).data?.items),
    categories: options(api.useQuery("get", "/v1/categories", query).data?.items),
  };
}
