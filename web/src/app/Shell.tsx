import { ActionIcon, AppShell, Badge, Burger, Button, Group, Image, Menu, NavLink, Stack, Text, Tooltip, useMantineColorScheme } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { client, queries, signedOut } from "@/api/client";

import { setLook, useLook } from "@/ui/look";

import { useListening, useLive } from "./live";
import { entries } from "./pages";
import { begin, useMay, useSession, useSignOut } from "./session";

const Palette = lazy(() => import("./Palette"));

/** Everything around a page: where one is, where one can go, who one is. */
export function Shell() {
  const { t } = useTranslation();
  const [opened, { toggle, close }] = useDisclosure();
  const [paused, setPaused] = useState(false);
  const [asked, setAsked] = useState<"palette" | "keys">();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const main = useRef<HTMLElement>(null);
  const admin = useMay("admin");
  useListening(paused);
  const { connected } = useLive();
  const wide = useLook((look) => look.wide);
  useHotkeys([["mod+K", () => setAsked("palette")]]);
  useKeys(() => setAsked("keys"));
  useEnd();

  // Whoever follows a link by the keyboard, or hears the page, goes on at its beginning.
  const before = useRef(path);
  useEffect(() => {
    if (before.current !== path) main.current?.focus();
    before.current = path;
    close();
  }, [path, close]);

  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 210, breakpoint: "sm", collapsed: { mobile: !opened, desktop: wide && !opened } }} padding="md">
      <a className="skip" href="#main">
        {t("shell.skip")}
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} {...(wide ? {} : { hiddenFrom: "sm" })} size="sm" aria-label={t("shell.menu")} aria-expanded={opened} />
            <Link to="/" aria-label={t("home.title")} style={{ display: "flex" }}>
              <Image src="/assets/carillon.svg" alt="" w={26} h={26} />
            </Link>
            <Text fw={700} visibleFrom="xs">
              Carillon
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Button variant="default" size="xs" onClick={() => setAsked("palette")} visibleFrom="xs">
              {t("shell.find")}
            </Button>
            <Tooltip label={paused ? t("shell.goOn") : t("shell.pause")}>
              <Button size="xs" variant="subtle" onClick={() => setPaused(!paused)} aria-pressed={paused}>
                <Badge color={paused ? "gray.8" : connected ? "green.9" : "red"} variant="filled">
                  {paused ? t("shell.paused") : connected ? t("shell.live") : t("shell.notHeard")}
                </Badge>
              </Button>
            </Tooltip>
            <View />
            <Person />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t("shell.pages")} className={opened ? "" : wide ? "folded" : "folds"}>
        <Stack gap={2}>
          {entries
            .filter((entry) => !entry.within && (!entry.admin || admin))
            .map(({ to, label }) => (
              <NavLink
                key={to}
                component={Link}
                to={to}
                label={t(label)}
                active={to === "/" ? path === "/" : entries.some((part) => (part.to === to || part.within === to) && path.startsWith(part.to))}
              />
            ))}
        </Stack>
      </AppShell.Navbar>
      <AppShell.Main id="main" ref={main} tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
      {asked && (
        <Suspense>
          <Palette asked={asked} close={() => setAsked(undefined)} />
        </Suspense>
      )}
    </AppShell>
  );
}

/** Two keys lead to a page: g, and then its own. A question mark lists them. */
function useKeys(list: () => void) {
  const router = useRouter();
  const since = useRef(0);
  const admin = useMay("admin");
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      const at = e.target;
      const typing = at instanceof HTMLElement && (at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName));
      if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === "?") list();
      const entry = entries.find(({ key }) => key === e.key);
      if (entry && e.timeStamp - since.current < within && (!entry.admin || admin)) void router.navigate({ to: entry.to });
      since.current = e.key === "g" ? e.timeStamp : -within;
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
}

const within = 1500; // ms, for slow hands and slow machines

/** Leads to the sign-in once the sign-in has ended, and from there back. */
function useEnd() {
  const router = useRouter();
  useEffect(() => {
    const end = () => {
      if (router.state.location.pathname === "/sign-in") return; // on the way there already
      queries.clear();
      void router.navigate({ to: "/sign-in", search: { then: router.state.location.href, ended: true } });
    };
    window.addEventListener(signedOut, end);
    return () => window.removeEventListener(signedOut, end);
  }, [router]);
}

/** How tables look. */
function View() {
  const { t } = useTranslation();
  const { dense, wide } = useLook((look) => look);
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <Button variant="default" size="xs" visibleFrom="xs">
          {t("shell.view")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("shell.tables")}</Menu.Label>
        <Menu.RadioGroup value={dense ? "dense" : "roomy"} onChange={(density) => setLook({ dense: density === "dense" })}>
          {(["roomy", "dense"] as const).map((density) => (
            <Menu.RadioItem key={density} value={density}>
              {t(`shell.density.${density}`)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.CheckboxItem checked={wide} onChange={(on) => setLook({ wide: on })} visibleFrom="sm">
          {t("shell.whole")}
        </Menu.CheckboxItem>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Who is signed in, in which account. */
function Person() {
  const { t } = useTranslation();
  const session = useSession();
  const router = useRouter();
  const signOut = useSignOut();
  const { setColorScheme, colorScheme } = useMantineColorScheme();
  const enter = async (id: number) => {
    const { data } = await client.POST("/v1/session/account", { body: { account_id: id } });
    if (data) await begin(data);
    await router.navigate({ to: "/" });
  };
  const accounts = session.accounts ?? [];
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon variant="default" size="lg" radius="xl" aria-label={t("shell.person", { name: session.name })}>
          {session.name.slice(0, 1).toUpperCase() || "?"}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {session.name} · {t(`role.${session.account.role}`)}
        </Menu.Label>
        <Menu.Item component={Link} to="/me">
          {t("shell.me")}
        </Menu.Item>
        {accounts.length > 1 && <Menu.Label>{t("shell.accounts")}</Menu.Label>}
        {accounts.length > 1 &&
          accounts.map((account) => (
            <Menu.Item key={account.id} disabled={account.id === session.account.id} onClick={() => void enter(account.id)}>
              {account.name}
            </Menu.Item>
          ))}
        <Menu.Label>{t("shell.colors")}</Menu.Label>
        <Menu.RadioGroup value={colorScheme} onChange={(scheme) => setColorScheme(scheme as typeof colorScheme)}>
          {(["auto", "light", "dark"] as const).map((scheme) => (
            <Menu.RadioItem key={scheme} value={scheme}>
              {t(`shell.scheme.${scheme}`)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.Item onClick={() => void signOut()}>{t("shell.signOut")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
