import { Button, Fieldset, Group, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { wrong } from "@/api/problem";

interface Props {
  from: string;
  to: string;
  error: unknown;
  set: (hours: { from: string; to: string }) => void;
}

/** When nobody is written to, on the recipient's own clock; empty for never. */
export function Quiet({ from, to, error, set }: Props) {
  const { t } = useTranslation();
  const whole = wrong(error, "quiet_hours.from") === undefined && wrong(error, "quiet_hours.to") === undefined;
  return (
    <Fieldset legend={t("quiet.title")}>
      <Text size="sm" c="dimmed">
        {t("quiet.hint")}
      </Text>
      <Group align="flex-end" mt="xs">
        <TextInput
          type="time"
          label={t("quiet.from")}
          value={from}
          error={wrong(error, "quiet_hours.from")}
          onChange={(e) => set({ from: e.currentTarget.value, to })}
        />
        <TextInput
          type="time"
          label={t("quiet.to")}
          value={to}
          error={wrong(error, "quiet_hours.to")}
          onChange={(e) => set({ from, to: e.currentTarget.value })}
        />
        {(from !== "" || to !== "") && (
          <Button variant="default" onClick={() => set({ from: "", to: "" })}>
            {t("quiet.none")}
          </Button>
        )}
      </Group>
      {whole && wrong(error, "quiet_hours") && (
        <Text c="red" size="sm" role="alert">
          {wrong(error, "quiet_hours")}
        </Text>
      )}
    </Fieldset>
  );
}
