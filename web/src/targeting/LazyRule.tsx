import { Loader } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import type { RuleEditorProps } from "./RuleEditor";

const RuleEditor = lazy(() => import("./RuleEditor"));

/** The rule builder, which is loaded where it is needed. */
export function LazyRule(props: RuleEditorProps) {
  const { t } = useTranslation();
  return (
    <Suspense fallback={<Loader size="sm" aria-label={t("common.loading")} />}>
      <RuleEditor {...props} />
    </Suspense>
  );
}
