import { Alert, Button, FileInput, Group, List, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { wrong } from "@/api/problem";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";

import { addressKinds } from "./contactForm";

const shownErrors = 20;

/** Suppresses one address. */
export function AddSuppression({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<string>("email");
  const [address, setAddress] = useState("");
  const [reason, setReason] = useState("");
  const add = api.useMutation("post", "/v1/suppressions", {
    onSuccess: async () => {
      await refresh("/v1/suppressions", "/v1/contacts");
      close();
    },
  });
  return (
    <Part title={t("suppressions.add")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          add.mutate({ body: { kind, address: address.trim(), ...(reason.trim() ? { reason: reason.trim() } : {}) } });
        }}
      >
        <Stack gap="sm">
          <Group align="flex-start">
            <NativeSelect label={t("suppressions.kind")} value={kind} error={wrong(add.error, "kind")} onChange={(e) => setKind(e.currentTarget.value)} data={[...addressKinds]} />
            <TextInput label={t("suppressions.address")} required value={address} error={wrong(add.error, "address")} onChange={(e) => setAddress(e.currentTarget.value)} />
            <TextInput
              label={t("suppressions.reason")}
              placeholder="unsubscribed"
              value={reason}
              error={wrong(add.error, "reason")}
              onChange={(e) => setReason(e.currentTarget.value)}
            />
          </Group>
          <Text size="sm" c="dimmed">
            {t("suppressions.reasonHint")}
          </Text>
          <Failure error={add.error} fields={["kind", "address", "reason"]} />
          <Group>
            <Button type="submit" loading={add.isPending}>
              {t("suppressions.addNow")}
            </Button>
            <Button variant="default" onClick={close}>
              {t("common.leave")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  );
}

/** Suppresses every address of a file. */
export function ImportSuppressions({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [file, setFile] = useState<File | null>(null);
  const [done, setDone] = useState<Schema<"SuppressionImport">>();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const send = async () => {
    if (!file) return;
    setBusy(true);
    setError(null);
    try {
      const { data } = await client.POST("/v1/suppressions/import", {
        body: file as never,
        bodySerializer: () => file,
        headers: { "Content-Type": "text/csv" },
      });
      setDone(data);
      await refresh("/v1/suppressions", "/v1/contacts");
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const lines = done?.errors ?? [];
  return (
    <Part title={t("suppressions.import")}>
      <Stack gap="sm">
        <FileInput
          label={t("import.file")}
          description={t("suppressions.fileHint")}
          accept=".csv,.txt,text/csv"
          value={file}
          onChange={(chosen) => {
            setFile(chosen);
            setDone(undefined);
          }}
          clearable
          clearButtonProps={{ "aria-label": t("common.clear") }}
        />
        <Failure error={error} />
        {done && (
          <Alert color={done.refused > 0 ? "orange" : "green"} role="status">
            <Text size="sm">{t("suppressions.counts", { added: format.number(done.added), known: format.number(done.known), refused: format.number(done.refused) })}</Text>
            <List size="sm">
              {lines.slice(0, shownErrors).map((e) => (
                <List.Item key={`${e.line} ${e.field ?? ""}`}>{t("suppressions.line", { line: e.line, what: [e.value, e.reason].filter(Boolean).join(": ") })}</List.Item>
              ))}
            </List>
          </Alert>
        )}
        <Group>
          <Button disabled={!file || done !== undefined} loading={busy} onClick={() => void send()}>
            {t("suppressions.importNow")}
          </Button>
          <Button variant="default" onClick={close}>
            {done ? t("common.close") : t("common.leave")}
          </Button>
        </Group>
      </Stack>
    </Part>
  );
}
