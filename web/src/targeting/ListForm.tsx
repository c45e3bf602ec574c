import { Button, Card, Grid, Group, Stack, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { wrong } from "@/api/problem";
import { Failure } from "@/ui/Failure";

import { LazyRule } from "./LazyRule";
import { People } from "./People";
import { type Json, unfilled } from "./rule";

export interface ListParts {
  name: string;
  rule: Json | undefined;
}

interface Props {
  initial: ListParts;
  save: (list: ListParts) => Promise<void>;
  changed?: (list: ListParts) => void;
  disabled?: boolean;
}

const shown = 10; // of those whom it holds for

/** Name and rule of a targeting list, with the first of those whom it holds for. */
export function ListForm({ initial, save, changed, disabled = false }: Props) {
  const { t } = useTranslation();
  const [list, setList] = useState(initial);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [saved, setSaved] = useState(false);
  const set = (change: Partial<ListParts>) => {
    const next = { ...list, ...change };
    setList(next);
    setError(null);
    setSaved(false);
    changed?.(next);
  };
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await save(list);
      setSaved(true);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 7 }}>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void submit();
          }}
        >
          <Stack>
            <TextInput
              label={t("targeting.name")}
              required
              disabled={disabled}
              maxLength={255}
              maw="28rem"
              value={list.name}
              error={wrong(error, "name")}
              onChange={(e) => set({ name: e.currentTarget.value })}
            />
            <Card withBorder component="section">
              <Title order={2} size="h4" mb="sm">
                {t("targeting.rule")}
              </Title>
              <LazyRule initial={initial.rule} change={(rule) => set({ rule })} error={error} disabled={disabled} />
            </Card>
            <Failure error={error} fields={["name", "rule"]} />
            {!disabled && (
              <Group>
                <Button type="submit" loading={busy} disabled={!list.rule || unfilled(list.rule) > 0}>
                  {t("common.save")}
                </Button>
                <span role="status">{saved ? t("targeting.saved") : ""}</span>
              </Group>
            )}
          </Stack>
        </form>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        {list.rule && (
          <Card withBorder component="section">
            <Title order={2} size="h4" mb="sm">
              {t("targeting.first")}
            </Title>
            <People label={t("targeting.first")} rule={list.rule} limit={shown} />
          </Card>
        )}
      </Grid.Col>
    </Grid>
  );
}
