import { Autocomplete, Button, Group } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { languageName } from "./definition";

/** Tags that are offered; any other can be typed. */
const offered = ["en", "de", "fr", "es", "it", "pt", "pt-BR", "nl", "pl", "cs", "da", "sv", "fi", "nb", "uk", "tr", "ar", "he", "ja", "zh"];

/** The tag in what was chosen or typed, such as "German (de)". */
export const tagIn = (text: string) => /\(([^)]+)\)$/.exec(text.trim())?.[1] ?? text.trim();

export function Language({ label, value, error, change }: { label: string; value: string; error?: string | undefined; change: (value: string) => void }) {
  const { i18n } = useTranslation();
  const data = offered.map((tag) => `${languageName(tag, i18n.language)} (${tag})`);
  return <Autocomplete label={label} value={value} error={error} onChange={change} data={data} maw="20rem" />;
}

/** Begins a translation into a language that a template does not speak yet. */
export function AddLanguage({ has, add }: { has: string[]; add: (tag: string) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const tag = tagIn(text);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        add(tag);
        setText("");
      }}
    >
      <Group align="flex-end" gap="xs">
        <Language label={t("templates.otherLanguage")} value={text} change={setText} />
        <Button type="submit" variant="default" disabled={tag === "" || has.includes(tag)}>
          {t("templates.addLanguage")}
        </Button>
      </Group>
    </form>
  );
}
