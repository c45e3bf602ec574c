import { Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** Where nothing is yet: what would be here, and what to do for it. It may be the whole page. */
export function Empty({ title, whole = false, children, action }: { title: string; whole?: boolean; children?: ReactNode; action?: ReactNode }) {
  return (
    <Paper withBorder p="xl">
      <Stack align="center" gap="xs">
        <Title order={whole ? 1 : 2} size="h4">
          {title}
        </Title>
        {children && (
          <Text c="dimmed" ta="center" maw="36rem">
            {children}
          </Text>
        )}
        {action}
      </Stack>
    </Paper>
  );
}
