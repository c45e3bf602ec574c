import { Stack } from "@mantine/core";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { queries } from "@/api/client";
import { Problem } from "@/api/problem";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";

/** A page that could not be shown. Who is signed in no more is led to the sign-in, and back from there. */
export function Broken({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const ended = error instanceof Problem && error.status === 401;
  useEffect(() => {
    if (!ended) return;
    queries.clear();
    void router.navigate({ to: "/sign-in", search: { then: window.location.pathname + window.location.search, ended: true } });
  }, [ended, router]);
  if (ended) return null;
  return (
    <Stack p="md">
      <Failure
        error={error}
        again={() => {
          reset();
          void router.invalidate();
        }}
      />
    </Stack>
  );
}

/** An address under which nothing is. */
export function NotFound() {
  const { t } = useTranslation();
  return (
    <Stack p="xl" component="main">
      <Empty
        title={t("shell.notFound")}
        action={
          <TextLink to="/">
            {t("home.title")}
          </TextLink>
        }
      />
    </Stack>
  );
}
