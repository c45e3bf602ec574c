import { Alert, Button, Code, CopyButton, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** What is shown this once, such as a key or a link that opens something. */
export function Once({ title, hint, text, done }: { title: string; hint: string; text: string; done: () => void }) {
  const { t } = useTranslation();
  return (
    <Alert color="cyan" title={title} role="status">
      <Text size="sm">{hint}</Text>
      <Code block my="xs" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {text}
      </Code>
      <Group gap="xs">
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="xs" onClick={copy}>
              {copied ? t("once.copied") : t("once.copy")}
            </Button>
          )}
        </CopyButton>
        <Button size="xs" variant="default" onClick={done}>
          {t("once.done")}
        </Button>
      </Group>
    </Alert>
  );
}
