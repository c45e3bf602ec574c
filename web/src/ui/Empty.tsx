import { Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** Where nothing is yet: what would be here, and what to do for it. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Paper withBorder p="xl">
      <Stack align="center" gap="xs">
        <Title order={2} size="h4">
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
