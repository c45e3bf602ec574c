import { Button, Paper, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** How the pages look on which recipients unsubscribe and choose, as the name and the color are now. */
export function Brand({ name, color }: { name: string; color: string }) {
  const { t } = useTranslation();
  const whole = /^#[0-9a-f]{6}$/i.test(color) ? color : undefined;
  return (
    <Paper withBorder p="md" maw="24rem" component="figure" m={0} aria-label={t("settings.preview")}>
      <Stack gap="xs">
        {name && <Text fw={600}>{name}</Text>}
        <Text size="sm">{t("settings.previewText")}</Text>
        {/* Its letters are white or black, whichever can be read, as the server has them. */}
        <Button component="span" autoContrast w="fit-content" {...(whole ? { color: whole } : {})} style={{ cursor: "default" }}>
          {t("settings.previewButton")}
        </Button>
      </Stack>
    </Paper>
  );
}
