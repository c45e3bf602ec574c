import { FileInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { Problem, wrong } from "@/api/problem";

/** The content of a file, in base64. */
const base64 = (file: File) =>
  new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve((typeof reader.result === "string" ? reader.result : "").replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error ?? new Error());
    reader.readAsDataURL(file);
  });

interface Props {
  label: string;
  /** Pictures alone. */
  pictures?: boolean;
  done: (file: Schema<"File">) => void;
}

/** Takes a file in, and tells its address. */
export function Upload({ label, pictures = false, done }: Props) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const take = async (file: File | null) => {
    if (!file) return;
    setBusy(true);
    setError(null);
    try {
      const body = { name: file.name, content: await base64(file), ...(file.type ? { content_type: file.type } : {}) };
      const { data } = await client.POST("/v1/files", { body });
      if (!data) return;
      if (pictures && !data.content_type.startsWith("image/")) setError(new Error(t("mail.noPicture", { type: data.content_type })));
      else done(data);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const field = wrong(error, "file") ?? wrong(error, "content") ?? wrong(error, "filename") ?? wrong(error, "name");
  const words = error instanceof Problem && error.status === 0 ? t("failure.unreachable") : error instanceof Error ? error.message : undefined;
  return (
    <FileInput
      label={label}
      description={t("mail.uploadHint")}
      placeholder={t("mail.chooseFile")}
      disabled={busy}
      {...(pictures ? { accept: "image/*" } : {})}
      error={error ? (field ?? words ?? t("failure.title")) : undefined}
      onChange={(file) => void take(file)}
      value={null}
    />
  );
}
