import { useState } from "react";

import { Editor } from "./Editor";
import { blank } from "./form";

/** Makes a campaign. */
export default function NewCampaign() {
  const [form] = useState(blank);
  return <Editor initial={form} />;
}
