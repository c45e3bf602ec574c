import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Failure } from "@/ui/Failure";

const changed = () => refresh("/v1/channels", "/v1/queue", "/v1/status");

/** Pauses a channel, or goes on with it, at once. */
export function PauseOrResume({ channel, small = false }: { channel: Pick<Schema<"Channel">, "id" | "name" | "status">; small?: boolean }) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const path = { params: { path: { id: channel.id } } };
  const pause = api.useMutation("post", "/v1/channels/{id}/pause", { onSuccess: changed });
  const resume = api.useMutation("post", "/v1/channels/{id}/resume", { onSuccess: changed });
  if (!edits) return null;
  const props = small ? ({ size: "compact-xs" } as const) : {};
  return (
    <>
      {channel.status === "active" ? (
        <Button {...props} variant="default" loading={pause.isPending} onClick={() => pause.mutate(path)} aria-label={t("channel.pauseNamed", { name: channel.name })}>
          {t("channel.pause")}
        </Button>
      ) : (
        <Button {...props} loading={resume.isPending} onClick={() => resume.mutate(path)} aria-label={t("channel.resumeNamed", { name: channel.name })}>
          {t("channel.resume")}
        </Button>
      )}
      <Failure error={pause.error ?? resume.error} />
    </>
  );
}
