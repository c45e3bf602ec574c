import { useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { Editor } from "./Editor";
import { blank } from "./form";

/** Makes a campaign, for a targeting list if one is named. */
export default function NewCampaign() {
  const { targeting } = useSearch({ from: "/inside/campaigns/new" });
  const [form] = useState(() => ({ ...blank(), ...(targeting ? { include: [`targeting:${Number(targeting)}` as const] } : {}) }));
  return <Editor initial={form} />;
}
