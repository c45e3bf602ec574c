import { Stack } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useMay } from "@/app/session";
import { ButtonLink } from "@/ui/links";
import { Page } from "@/ui/Page";

import { LazyRule } from "./LazyRule";
import { People } from "./People";
import { type Json, unfilled } from "./rule";

/** Contacts whom a rule holds for. The rule stands in the address, so that it can be sent to a colleague. */
export default function ByRule() {
  const { t } = useTranslation();
  const { rule } = useSearch({ from: "/inside/contacts/by-rule" });
  const navigate = useNavigate({ from: "/contacts/by-rule" });
  const [initial] = useState(rule);
  const edits = useMay("editor");
  const change = (next: Json | undefined) => void navigate({ search: next ? { rule: next } : {}, replace: true });
  return (
    <Page
      title={t("targeting.byRule")}
      within={{ label: t("contacts.title"), to: "/contacts" }}
      actions={
        edits &&
        rule &&
        unfilled(rule) === 0 && (
          <ButtonLink to="/targeting/new" search={{ rule }}>
            {t("targeting.saveAs")}
          </ButtonLink>
        )
      }
    >
      <Stack>
        <LazyRule initial={initial} change={change} />
        <People label={t("contacts.title")} rule={rule} limit={100} />
      </Stack>
    </Page>
  );
}
