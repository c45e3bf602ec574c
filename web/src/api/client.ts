// The one way to the server: the client that is made of its OpenAPI document, with problems as errors.
import { QueryClient, type QueryFunctionContext } from "@tanstack/react-query";
import createFetchClient from "openapi-fetch";
import createClient from "openapi-react-query";

import { Problem } from "./problem";
import type { components, paths } from "./schema";

/** A type of the API by its name there, such as Schema<"Campaign">. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export const client = createFetchClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin" });

/** Tells the page that nobody is signed in any more. */
export const signedOut = "carillon:signed-out";

client.use({
  async onResponse({ response, request }) {
    if (response.ok) return;
    const problem = await Problem.of(response);
    // A wrong password is no end of a session.
    if (problem.code === "unauthorized" && (request.method === "GET" || !new URL(request.url).pathname.startsWith("/v1/session"))) {
      window.dispatchEvent(new Event(signedOut));
    }
    throw problem;
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

/** How something is asked for, such as by api.queryOptions. */
export interface Asks<Answer> {
  queryKey: readonly unknown[];
  // As a method it may know more of its key.
  queryFn(context: QueryFunctionContext): Answer | Promise<Answer>;
}

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
