import { FileInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { Problem, wrong } from "@/api/problem";

interface Props {
  label: string;
  /** Pictures alone. */
  pictures?: boolean;
  done: (file: Schema<"MediaFile">) => void;
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
      const form = new FormData();
      form.append("file", file);
      const { data } = await client.POST("/v1/media", { body: { file: file.name }, bodySerializer: () => form });
      if (!data) return;
      if (pictures && !data.content_type.startsWith("image/")) setError(new Error(t("mail.noPicture", { type: data.content_type })));
      else done(data);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const field = wrong(error, "file") ?? wrong(error, "filename");
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
