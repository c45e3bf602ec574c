import { Group, Stack } from "@mantine/core";
import { useRouterState } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ButtonLink } from "@/ui/links";
import { Page } from "@/ui/Page";

const parts = [
  ["/contacts", "contacts.everybody"],
  ["/targeting", "targeting.title"],
  ["/lists", "list.title"],
  ["/properties", "property.title"],
  ["/uploads", "uploads.title"],
  ["/suppressions", "suppressions.title"],
  ["/replies", "replies.title"],
  ["/jobs", "job.title"],
] as const;

/** A page about contacts, with the way to the others. */
export function PeoplePage({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const { t } = useTranslation();
  const path = useRouterState({ select: (s) => s.location.pathname });
  return (
    <Page title={title} actions={actions}>
      <Stack>
        <Group component="nav" gap="xs" aria-label={t("contacts.title")}>
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
