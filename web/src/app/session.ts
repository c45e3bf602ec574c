// Who is signed in, and what that person may do. The server decides; the console leaves out what it would refuse.
import { redirect, useRouter } from "@tanstack/react-router";

import { api, client, queries, type Schema } from "@/api/client";
import { Problem } from "@/api/problem";

type Session = Schema<"Session">;
export type Role = Session["account"]["role"];

const asked = api.queryOptions("get", "/v1/session");

/** Lets nobody in who is not signed in: leads to the sign-in, and from there back. */
export async function signedIn(href: string): Promise<Session> {
  try {
    return await queries.query({ ...asked, staleTime: "static" });
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) throw redirect({ to: "/sign-in", search: href === "/" ? {} : { then: href } });
    throw problem;
  }
}

/** Who is signed in. It is for pages behind the sign-in. */
export function useSession(): Session {
  return api.useSuspenseQuery("get", "/v1/session").data;
}

/** What a role may do, as docs/access.md has it. */
const ranks: Record<Role, number> = { viewer: 0, sender: 0, editor: 1, admin: 2 };

/** All roles, the one that may most first. */
export const roles: Role[] = ["admin", "editor", "sender", "viewer"];

/** Reports whether the person has a role, or one that may do more. */
export function useMay(role: "editor" | "admin"): boolean {
  return ranks[useSession().account.role] >= ranks[role];
}

/** Begins as somebody: nothing that was read before is shown to them. */
export async function begin(session: Session): Promise<void> {
  await queries.cancelQueries();
  queries.clear();
  queries.setQueryData(asked.queryKey, session);
}

/** Signs out in this browser. */
export function useSignOut(): () => Promise<void> {
  const router = useRouter();
  return async () => {
    await client.DELETE("/v1/session");
    // Nothing that was read stays, but only once no page shows it: it would be asked for again.
    await router.navigate({ to: "/sign-in" });
    queries.clear();
  };
}
