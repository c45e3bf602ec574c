import { Box, Center, Group, Image, NativeSelect, Paper, Stack, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";

import { choose, type Language, languages } from "@/i18n";

/** A page before the sign-in: one thing to do, and the language to do it in. */
export function Outside({ title, children }: { title: string; children: ReactNode }) {
  const { t, i18n } = useTranslation();
  useEffect(() => {
    document.title = `${title} · Carillon`;
  }, [title]);
  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw="26rem">
        <Group gap="xs">
          <Image src="/assets/carillon.svg" alt="" w={28} h={28} />
          <Title order={1} size="h3">
            {title}
          </Title>
        </Group>
        <Paper withBorder p="lg">
          {children}
        </Paper>
        <Box maw="10rem">
          <NativeSelect
            size="xs"
            aria-label={t("common.language")}
            value={i18n.language}
            onChange={(e) => void choose(e.currentTarget.value as Language)}
            data={Object.entries(languages).map(([value, label]) => ({ value, label }))}
          />
        </Box>
      </Stack>
    </Center>
  );
}
