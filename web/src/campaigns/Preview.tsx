import { Alert, NativeSelect, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { Message } from "@/templates/Message";

/** What recipients will read, as the server renders it. HTML stands in a frame that runs nothing and loads nothing. */
export function Preview({ samples, pushed }: { samples: Schema<"Sample">[]; pushed: boolean }) {
  const { t } = useTranslation();
  const [which, setWhich] = useState(0);
  const sample = samples[which] ?? samples[0];
  if (!sample) return null;
  return (
    <Stack gap="xs">
      <NativeSelect
        label={t("preview.as")}
        size="xs"
        value={String(which)}
        onChange={(e) => setWhich(Number(e.currentTarget.value))}
        data={samples.map((s, i) => ({ value: String(i), label: [s.address, s.language, s.variant].filter(Boolean).join(" · ") }))}
      />
      {sample.error && <Alert color="red">{sample.error}</Alert>}
      {sample.content && <Message content={sample.content} sms={sample.sms} pushed={pushed} />}
    </Stack>
  );
}
