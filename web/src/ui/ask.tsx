import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { Failure } from "./Failure";

interface Props {
  opened: boolean;
  title: string;
  children?: ReactNode;
  /** What the button says that does it. */
  action: string;
  danger?: boolean;
  /** What has to be typed first, for what is large and can't be undone. */
  typed?: string | undefined;
  /** Something else is missing. */
  disabled?: boolean;
  run: () => Promise<unknown>;
  close: () => void;
}

/** Asks before something is done, shows what failed, and closes itself when it is done. */
export function Ask({ opened, title, children, action, danger = false, typed, disabled = false, run, close }: Props) {
  const { t } = useTranslation();
  const [given, setGiven] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const leave = () => {
    setGiven("");
    setError(null);
    close();
  };
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await run();
      leave();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={leave} title={title} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void go();
        }}
      >
        <Stack gap="sm">
          <Text component="div" size="sm">
            {children}
          </Text>
          {typed !== undefined && (
            <TextInput label={t("ask.type", { text: typed })} value={given} onChange={(e) => setGiven(e.currentTarget.value)} autoComplete="off" />
          )}
          <Failure error={error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={leave}>
              {t("common.leave")}
            </Button>
            <Button type="submit" color={danger ? "red" : "cyan"} loading={busy} disabled={disabled || (typed !== undefined && given !== typed)}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
