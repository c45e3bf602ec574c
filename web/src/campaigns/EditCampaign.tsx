import { Loader } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Failure } from "@/ui/Failure";

import { Editor } from "./Editor";
import { formOf } from "./form";

/** Changes a campaign that has not begun. */
export default function EditCampaign() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/inside/campaigns/$id/edit" }).id);
  const read = api.useQuery("get", "/v1/campaigns/{id}", { params: { path: { id } } }, { staleTime: 0, refetchOnWindowFocus: false });
  if (read.error) return <Failure error={read.error} again={() => void read.refetch()} />;
  if (!read.data) return <Loader aria-label={t("common.loading")} />;
  return <Editor key={read.data.id} initial={formOf(read.data)} campaign={read.data} />;
}
