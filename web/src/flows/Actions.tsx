import { Alert, Button, Radio, Stack, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, refresh, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Ask } from "@/ui/ask";
import { Failure } from "@/ui/Failure";

import { move } from "./People";

type Flow = Schema<"Flow">;
type Asked = "start" | "publish" | "close" | "cancel" | "delete";

/** What can be done with a flow as it stands. */
export function Actions({ flow, keep, faulty }: { flow: Flow; keep: () => Promise<unknown>; faulty: boolean }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const edits = useMay("editor");
  const [asked, setAsked] = useState<Asked>();
  const [moves, setMoves] = useState("stay");
  const path = { params: { path: { id: flow.id } } };
  const changed = () => refresh("/v1/flows", "/v1/campaigns", "/v1/runs");
  const pause = api.useMutation("post", "/v1/flows/{id}/pause", { onSuccess: changed });
  const resume = api.useMutation("post", "/v1/flows/{id}/resume", { onSuccess: changed });
  const duplicate = api.useMutation("post", "/v1/flows/{id}/duplicate", {
    onSuccess: async (made) => {
      await changed();
      await navigate({ to: "/flows/$id", params: { id: String(made.id) } });
    },
  });
  if (!edits) return null;
  const { status, inside } = flow;
  const begun = status === "running" || status === "paused";
  const start = async () => {
    await keep();
    await client.POST("/v1/flows/{id}/start", path);
    if (asked === "publish" && moves === "move") {
      const { data } = await client.GET("/v1/flows/{id}/versions", path);
      const version = data?.items?.[0]?.version ?? 0;
      for (const v of data?.items ?? []) if (v.inside > 0 && v.version < version) await move(flow.id, v.version, {}, false);
    }
    await changed();
  };
  const many = inside > 1000 ? String(inside) : undefined;
  const asks: Record<Asked, { run: () => Promise<unknown>; danger: boolean; typed?: string | undefined }> = {
    start: { run: start, danger: false },
    publish: { run: start, danger: false, typed: moves === "move" ? many : undefined },
    close: { run: () => client.POST("/v1/flows/{id}/close", path).then(changed), danger: false },
    cancel: { run: () => client.POST("/v1/flows/{id}/cancel", path).then(changed), danger: true, typed: many },
    delete: {
      run: async () => {
        await client.DELETE("/v1/flows/{id}", path);
        await navigate({ to: "/flows" });
        await changed();
      },
      danger: true,
    },
  };
  const one = asked && asks[asked];
  return (
    <>
      {status === "draft" && (
        <Button disabled={faulty} onClick={() => setAsked("start")}>
          {t("flow.do.start")}
        </Button>
      )}
      {begun && flow.changed && (
        <Button disabled={faulty} onClick={() => setAsked("publish")}>
          {t("flow.do.publish")}
        </Button>
      )}
      {status === "running" && (
        <Button variant="default" loading={pause.isPending} onClick={() => pause.mutate(path)}>
          {t("campaign.pause")}
        </Button>
      )}
      {status === "paused" && (
        <Button loading={resume.isPending} onClick={() => resume.mutate(path)}>
          {t("campaign.resume")}
        </Button>
      )}
      {begun && !flow.closed_at && (
        <Button variant="default" onClick={() => setAsked("close")}>
          {t("flow.do.close")}
        </Button>
      )}
      <Button variant="default" loading={duplicate.isPending} onClick={() => duplicate.mutate({ ...path, body: {} })}>
        {t("campaign.duplicate")}
      </Button>
      {begun && (
        <Button color="red" variant="outline" onClick={() => setAsked("cancel")}>
          {t("flow.do.cancel")}
        </Button>
      )}
      {status === "draft" && (
        <Button color="red" variant="outline" onClick={() => setAsked("delete")}>
          {t("flow.do.delete")}
        </Button>
      )}
      <Failure error={pause.error ?? resume.error ?? duplicate.error} />
      {asked && one && (
        <Ask opened title={t(`flow.ask.${asked}`, { name: flow.name })} action={t(`flow.do.${asked}`)} danger={one.danger} typed={one.typed} run={one.run} close={() => setAsked(undefined)}>
          <Stack gap="sm">
            <Text size="sm">{t(`flow.hint.${asked}`)}</Text>
            {asked === "start" && <Text size="sm">{flow.audience ? t("flow.audienceEnters") : t("flow.nobodyEnters")}</Text>}
            {(asked === "close" || asked === "cancel") && inside > 0 && <Alert color="orange">{t(`flow.inside.${asked}`, { count: inside })}</Alert>}
            {asked === "publish" && inside > 0 && (
              <Radio.Group label={t("flow.inside.publish", { count: inside })} value={moves} onChange={setMoves}>
                <Stack gap={6} mt={4}>
                  <Radio value="stay" label={t("flow.moves.stay")} description={t("flow.moves.stayHint")} />
                  <Radio value="move" label={t("flow.moves.move")} description={t("flow.moves.moveHint")} />
                </Stack>
              </Radio.Group>
            )}
          </Stack>
        </Ask>
      )}
    </>
  );
}
