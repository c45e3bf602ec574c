// Words of the console. English says what there is; other languages are held to it by their type.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import type en from "./en";

/** The same keys with other words. */
type Words<T> = { [K in keyof T]: T[K] extends string ? string : Words<T[K]> };
export type Texts = Words<typeof en>;

export const languages = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof languages;

const load: Record<Language, () => Promise<{ default: Texts }>> = { en: () => import("./en"), de: () => import("./de") };
const kept = "carillon-language";

const known = (tag: string | null | undefined): Language | undefined => {
  const language = tag?.slice(0, 2).toLowerCase();
  return language && language in languages ? (language as Language) : undefined;
};

/** The language that was chosen, else the first of the browser's that there is. */
export function preferred(): Language {
  return known(window.localStorage.getItem(kept)) ?? navigator.languages.map(known).find(Boolean) ?? "en";
}

/** Begins to speak a language. */
export async function speak(language: Language): Promise<void> {
  const { default: texts } = await load[language]();
  if (!i18next.isInitialized) {
    await i18next.use(initReactI18next).init({
      lng: language,
      resources: { [language]: { translation: texts } },
      interpolation: { escapeValue: false },
      returnNull: false,
    });
  } else {
    i18next.addResourceBundle(language, "translation", texts);
    await i18next.changeLanguage(language);
  }
  document.documentElement.lang = language;
}

/** Speaks a language from now on in this browser. */
export async function choose(language: Language): Promise<void> {
  window.localStorage.setItem(kept, language);
  await speak(language);
}
