import { Card, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** A part of a page under a title of its own. */
export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card withBorder component="section" h="100%">
      <Title order={2} size="h4" mb="sm">
        {title}
      </Title>
      {children}
    </Card>
  );
}
