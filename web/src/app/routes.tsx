// Every page by its address. Filters live in the address, so that a view can be sent to a colleague.
import { Loader } from "@mantine/core";
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from "@tanstack/react-router";

import { Broken, NotFound } from "./Broken";
import { rule, text } from "./search";
import { signedIn } from "./session";
import { Shell } from "./Shell";

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

const outside = [
  createRoute({
    getParentRoute: () => root,
    path: "/sign-in",
    validateSearch: (given: Record<string, unknown>) => ({ ...text(given, "then"), ...(given["ended"] === true ? { ended: true } : {}) }),
    component: lazyRouteComponent(() => import("@/session/SignIn")),
  }),
  createRoute({ getParentRoute: () => root, path: "/forgotten", component: lazyRouteComponent(() => import("@/session/Forgotten")) }),
  createRoute({ getParentRoute: () => root, path: "/invitation", component: lazyRouteComponent(() => import("@/session/Invitation")) }),
  createRoute({ getParentRoute: () => root, path: "/reset", component: lazyRouteComponent(() => import("@/session/Reset")) }),
] as const;

const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  beforeLoad: ({ location }) => signedIn(location.href),
  component: Shell,
});

const pages = [
  createRoute({ getParentRoute: () => inside, path: "/", component: lazyRouteComponent(() => import("@/home/Home")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/campaigns",
    validateSearch: (given: Record<string, unknown>) => text(given, "q", "status", "tag", "archived"),
    component: lazyRouteComponent(() => import("@/campaigns/Campaigns")),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/campaigns/new",
    validateSearch: (given: Record<string, unknown>) => text(given, "targeting"),
    component: lazyRouteComponent(() => import("@/campaigns/NewCampaign")),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/campaigns/$id",
    component: lazyRouteComponent(() => import("@/campaigns/CampaignPage")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/campaigns/$id/edit", component: lazyRouteComponent(() => import("@/campaigns/EditCampaign")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/calendar",
    validateSearch: (given: Record<string, unknown>) => text(given, "month"),
    component: lazyRouteComponent(() => import("@/calendar/Calendar")),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/flows",
    validateSearch: (given: Record<string, unknown>) => text(given, "q", "status"),
    component: lazyRouteComponent(() => import("@/flows/Flows")),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/flows/$id",
    validateSearch: (given: Record<string, unknown>) => text(given, "view"),
    component: lazyRouteComponent(() => import("@/flows/FlowPage")),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/contacts",
    validateSearch: (given: Record<string, unknown>) => text(given, "q", "job"),
    component: lazyRouteComponent(() => import("@/contacts/Contacts")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/contacts/import", component: lazyRouteComponent(() => import("@/contacts/Import")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/contacts/by-rule",
    validateSearch: rule,
    component: lazyRouteComponent(() => import("@/targeting/ByRule")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/contacts/$id", component: lazyRouteComponent(() => import("@/contacts/ContactPage")) }),
  createRoute({ getParentRoute: () => inside, path: "/lists", component: lazyRouteComponent(() => import("@/lists/Lists")) }),
  createRoute({ getParentRoute: () => inside, path: "/lists/$kind/$id", component: lazyRouteComponent(() => import("@/lists/ListPage")) }),
  createRoute({ getParentRoute: () => inside, path: "/properties", component: lazyRouteComponent(() => import("@/lists/Properties")) }),
  createRoute({ getParentRoute: () => inside, path: "/uploads", component: lazyRouteComponent(() => import("@/contacts/Uploads")) }),
  createRoute({ getParentRoute: () => inside, path: "/uploads/$id", component: lazyRouteComponent(() => import("@/contacts/UploadPage")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/suppressions",
    validateSearch: (given: Record<string, unknown>) => text(given, "q", "kind"),
    component: lazyRouteComponent(() => import("@/contacts/Suppressions")),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/replies",
    validateSearch: (given: Record<string, unknown>) => text(given, "all"),
    component: lazyRouteComponent(() => import("@/replies/Replies")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/jobs", component: lazyRouteComponent(() => import("@/contacts/Jobs")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/targeting",
    validateSearch: (given: Record<string, unknown>) => text(given, "q"),
    component: lazyRouteComponent(() => import("@/targeting/Lists")),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/targeting/new",
    validateSearch: (given: Record<string, unknown>) => ({ ...text(given, "name"), ...rule(given) }),
    component: lazyRouteComponent(() => import("@/targeting/NewList")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/targeting/$id", component: lazyRouteComponent(() => import("@/targeting/ListPage")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/templates",
    validateSearch: (given: Record<string, unknown>) => text(given, "q", "kind", "language", "state", "tab", "unused"),
    component: lazyRouteComponent(() => import("@/templates/Templates")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/templates/new", component: lazyRouteComponent(() => import("@/templates/NewTemplate")) }),
  createRoute({ getParentRoute: () => inside, path: "/templates/$id", component: lazyRouteComponent(() => import("@/templates/TemplatePage")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/messages",
    validateSearch: (given: Record<string, unknown>) => text(given, "campaign", "run", "channel", "state", "reason", "address"),
    component: lazyRouteComponent(() => import("@/messages/Messages")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/messages/$id", component: lazyRouteComponent(() => import("@/messages/MessagePage")) }),
  createRoute({ getParentRoute: () => inside, path: "/channels", component: lazyRouteComponent(() => import("@/channels/Channels")) }),
  createRoute({ getParentRoute: () => inside, path: "/channels/new", component: lazyRouteComponent(() => import("@/channels/NewChannel")) }),
  createRoute({ getParentRoute: () => inside, path: "/channels/$id", component: lazyRouteComponent(() => import("@/channels/ChannelPage")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/queue",
    validateSearch: (given: Record<string, unknown>) => text(given, "channel", "campaign", "cleared"),
    component: lazyRouteComponent(() => import("@/queue/Queue")),
  }),
  createRoute({
    getParentRoute: () => inside,
    path: "/statistics",
    validateSearch: (given: Record<string, unknown>) => text(given, "view", "range", "from", "to", "interval", "compare"),
    component: lazyRouteComponent(() => import("@/statistics/Statistics")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/settings", component: lazyRouteComponent(() => import("@/settings/Account")) }),
  createRoute({ getParentRoute: () => inside, path: "/settings/people", component: lazyRouteComponent(() => import("@/settings/People")) }),
  createRoute({ getParentRoute: () => inside, path: "/settings/keys", component: lazyRouteComponent(() => import("@/settings/Keys")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/settings/audit",
    validateSearch: (given: Record<string, unknown>) => text(given, "actor", "action", "target", "from", "to"),
    component: lazyRouteComponent(() => import("@/settings/Audit")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/settings/caps", component: lazyRouteComponent(() => import("@/settings/Caps")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/settings/holidays",
    validateSearch: (given: Record<string, unknown>) => text(given, "calendar"),
    component: lazyRouteComponent(() => import("@/settings/Holidays")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/settings/retention", component: lazyRouteComponent(() => import("@/settings/Retention")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/settings/identity-providers",
    validateSearch: (given: Record<string, unknown>) => text(given, "provider"),
    component: lazyRouteComponent(() => import("@/settings/Providers")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/settings/webhooks", component: lazyRouteComponent(() => import("@/webhooks/Webhooks")) }),
  createRoute({ getParentRoute: () => inside, path: "/settings/webhooks/new", component: lazyRouteComponent(() => import("@/webhooks/NewWebhook")) }),
  createRoute({
    getParentRoute: () => inside,
    path: "/settings/webhooks/$id",
    validateSearch: (given: Record<string, unknown>) => text(given, "state", "delivery"),
    component: lazyRouteComponent(() => import("@/webhooks/WebhookPage")),
  }),
  createRoute({ getParentRoute: () => inside, path: "/me", component: lazyRouteComponent(() => import("@/session/Me")) }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([...outside, inside.addChildren([...pages])]),
  defaultPreload: "intent",
  defaultErrorComponent: Broken,
  defaultPendingComponent: () => <Loader m="xl" aria-label="…" />,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
