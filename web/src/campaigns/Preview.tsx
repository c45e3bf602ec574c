import { Alert, Card, Group, NativeSelect, SegmentedControl, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";

const widths = { desktop: "100%", phone: 320 } as const; // px of a small phone

/** What recipients will read, as the server renders it. HTML stands in a frame that runs nothing and loads nothing. */
export function Preview({ samples }: { samples: Schema<"Sample">[] }) {
  const { t } = useTranslation();
  const [which, setWhich] = useState(0);
  const [width, setWidth] = useState<keyof typeof widths>("desktop");
  const sample = samples[which] ?? samples[0];
  if (!sample) return null;
  const html = sample.content?.html;
  return (
    <Stack gap="xs">
      <Group grow>
        <NativeSelect
          label={t("preview.as")}
          size="xs"
          value={String(which)}
          onChange={(e) => setWhich(Number(e.currentTarget.value))}
          data={samples.map((s, i) => ({ value: String(i), label: [s.address, s.language, s.variant].filter(Boolean).join(" · ") }))}
        />
      </Group>
      {sample.error && <Alert color="red">{sample.error}</Alert>}
      {sample.content && (
        <Card withBorder p="sm">
          {sample.content.subject && <Text fw={700}>{sample.content.subject}</Text>}
          {sample.content.preheader && (
            <Text size="sm" c="dimmed">
              {sample.content.preheader}
            </Text>
          )}
          {html ? (
            <Stack gap={4} mt="xs">
              <SegmentedControl
                size="xs"
                aria-label={t("preview.width")}
                value={width}
                onChange={(value) => setWidth(value)}
                data={(Object.keys(widths) as (keyof typeof widths)[]).map((value) => ({ value, label: t(`preview.${value}`) }))}
              />
              <iframe
                title={t("preview.title")}
                sandbox=""
                srcDoc={html}
                style={{ width: widths[width], height: 360, border: 0, background: "white" }}
              />
            </Stack>
          ) : (
            <Text size="sm" mt="xs" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
              {sample.content.text}
            </Text>
          )}
        </Card>
      )}
    </Stack>
  );
}
