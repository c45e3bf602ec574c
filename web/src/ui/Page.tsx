import { Box, Breadcrumbs, Group, Stack, Title } from "@mantine/core";
import type { LinkProps } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { TextLink } from "@/ui/links";

interface Props {
  title: string;
  /** What it is part of: a list that leads back. */
  within?: { label: string; to: NonNullable<LinkProps["to"]> };
  /** Beside the title, such as a state. */
  beside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page with its title, which is the browser's as well, and what can be done there. */
export function Page({ title, within, beside, actions, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Carillon`;
  }, [title]);
  return (
    <Stack gap="md">
      {within && (
        <Breadcrumbs>
          <TextLink to={within.to} size="sm">
            {within.label}
          </TextLink>
        </Breadcrumbs>
      )}
      <Group justify="space-between" align="flex-start">
        <Group gap="sm">
          <Title order={1} size="h2" style={{ overflowWrap: "anywhere" }}>
            {title}
          </Title>
          {beside}
        </Group>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      <Box>{children}</Box>
    </Stack>
  );
}
