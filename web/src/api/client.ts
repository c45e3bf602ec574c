// The one way to the server: the client that is made of its OpenAPI document, with problems as errors.
import { QueryClient } from "@tanstack/react-query";
import createFetchClient from "openapi-fetch";
import createClient from "openapi-react-query";

import { Problem } from "./problem";
import type { components, paths } from "./schema";

/** A type of the API by its name there, such as Schema<"Campaign">. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export const client = createFetchClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin" });

client.use({
  async onResponse({ response }) {
    if (!response.ok) throw await Problem.of(response);
  },
  onError({ error }) {
    return error instanceof Problem ? error : new Problem({ code: "unreachable", status: 0, detail: "" });
  },
});

/** Hooks that ask and change, typed by method and path. */
export const api = createClient(client);

/** How long what was read counts as new; what goes on is told by the event stream meanwhile. */
const staleAfter = 10_000;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: staleAfter,
      // What the server refused it refuses again; what it could not do now may be done in a moment.
      retry: (failures, error) => failures < 2 && error instanceof Problem && error.passes(),
    },
  },
});

/** Parameters of a list that is read page by page. */
export const pages = {
  pageParamName: "cursor",
  initialPageParam: "", // begins at the first page
  getNextPageParam: (page: { next_cursor?: string | null }) => page.next_cursor || undefined,
};

/** Forgets what was read under a path, so that whatever shows it reads it anew. */
export function refresh(...prefixes: `/v1/${string}`[]): Promise<void> {
  return queries.invalidateQueries({
    predicate: ({ queryKey: [, path] }) => typeof path === "string" && prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)),
  });
}
