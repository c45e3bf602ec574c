import { Loader } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Failure } from "@/ui/Failure";

import { Editor } from "./Editor";

/** One flow: its steps, who is where, and what can be done about it. */
export default function FlowPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/inside/flows/$id" }).id);
  const flow = api.useQuery("get", "/v1/flows/{id}", { params: { path: { id } } });
  if (flow.error && !flow.data) return <Failure error={flow.error} again={() => void flow.refetch()} />;
  if (!flow.data) return <Loader aria-label={t("common.loading")} />;
  return <Editor key={flow.data.id} flow={flow.data} />;
}
