import { Group, Stack } from "@mantine/core";
import { useRouterState } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useMay } from "@/app/session";
import { Empty } from "@/ui/Empty";
import { Page } from "@/ui/Page";
import { ButtonLink } from "@/ui/links";

const parts = [
  ["/settings", "settings.account"],
  ["/settings/people", "settings.people"],
  ["/settings/keys", "settings.keys"],
  ["/settings/identity-providers", "providers.title"],
  ["/settings/caps", "caps.title"],
  ["/settings/holidays", "holidays.title"],
  ["/settings/retention", "retention.title"],
  ["/settings/webhooks", "webhooks.title"],
  ["/settings/audit", "settings.audit"],
] as const;

/** A page of the settings, with the way to the others. */
export function SettingsPage({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const { t } = useTranslation();
  const admin = useMay("admin");
  const path = useRouterState({ select: (s) => s.location.pathname });
  if (!admin) return <Empty title={t("settings.forAdmins")}>{t("settings.forAdminsHint")}</Empty>;
  return (
    <Page title={title} actions={actions}>
      <Stack>
        <Group component="nav" gap="xs" aria-label={t("settings.title")}>
          {parts.map(([to, label]) => (
            <ButtonLink key={to} to={to} size="xs" variant={path === to ? "filled" : "default"} {...(path === to ? { "aria-current": "page" as const } : {})}>
              {t(label)}
            </ButtonLink>
          ))}
        </Group>
        {children}
      </Stack>
    </Page>
  );
}
