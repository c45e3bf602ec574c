import { Alert, Loader, SegmentedControl, Stack, Textarea } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Problem } from "@/api/problem";
import type { Schema } from "@/api/client";

import { blank } from "./editor/blocks";
import { Line } from "./editor/Line";
import { blocksOf } from "./editor/mjml";
import { mistakesOf } from "./editor/mistakes";

// They are heavy, and needed by who writes a mail alone.
const BlockEditor = lazy(() => import("./editor/BlockEditor"));
const Code = lazy(() => import("./editor/Code").then(({ Code }) => ({ default: Code })));

type Email = Schema<"Email">;
type Mode = "blocks" | "mjml" | "html" | "text";

interface Props {
  email: Email;
  set: (change: Partial<Email>) => void;
  problem: Problem | undefined;
}

/** What an e-mail is made of: by blocks, as MJML or HTML, or as text alone. */
export function EmailFields({ email, set, problem }: Props) {
  const { t } = useTranslation();
  const [mode, setMode] = useState<Mode>(() => (email.html ? "html" : !email.mjml && email.text ? "text" : typeof blocksOf(email.mjml || "") === "string" && email.mjml ? "mjml" : "blocks"));
  // How often blocks were opened: they are read of the code anew each time.
  const [opened, setOpened] = useState(0);
  const mail = mode === "blocks" ? (email.mjml ? blocksOf(email.mjml) : blank()) : undefined;
  const choose = (to: string) => {
    setMode(to as Mode);
    setOpened((n) => n + 1);
  };
  const taken = mode === "html" ? email.mjml : mode === "blocks" || mode === "mjml" ? email.html : email.mjml || email.html;
  return (
    <Stack gap="sm">
      <Line label={t("content.subject")} required value={email.subject} error={problem?.at("email.subject")} change={(subject) => set({ subject })} />
      <Line label={t("content.preheader")} value={email.preheader ?? ""} error={problem?.at("email.preheader")} change={(preheader) => set({ preheader })} />
      <SegmentedControl
        aria-label={t("templates.mode")}
        value={mode}
        onChange={choose}
        data={(["blocks", "mjml", "html", "text"] as const).map((value) => ({ value, label: t(`templates.modes.${value}`) }))}
      />
      {taken && <Alert color="orange">{t("templates.taken")}</Alert>}
      <Suspense fallback={<Loader size="sm" aria-label={t("common.loading")} />}>
        {!taken && typeof mail === "string" && <Alert color="cyan">{t(`templates.unshown.${mail}`)}</Alert>}
        {!taken && typeof mail === "object" && <BlockEditor key={opened} initial={mail} onChange={(mjml) => set({ mjml })} />}
        {!taken && mode === "mjml" && <Code key="mjml" label="MJML" value={email.mjml ?? ""} wrong={mistakesOf(problem, "email.mjml")} change={(mjml) => set({ mjml })} />}
        {!taken && mode === "html" && <Code key="html" label="HTML" value={email.html ?? ""} wrong={mistakesOf(problem, "email.html")} change={(html) => set({ html })} />}
      </Suspense>
      {mode === "blocks" && problem?.at("email.mjml") && (
        <Alert color="red" role="alert">
          {problem.at("email.mjml")}
        </Alert>
      )}
      {mode === "text" && (
        <Textarea
          label={t("content.text")}
          description={t("templates.textHint")}
          autosize
          minRows={6}
          value={email.text ?? ""}
          error={problem?.at("email.text")}
          onChange={(e) => set({ text: e.currentTarget.value })}
        />
      )}
    </Stack>
  );
}
