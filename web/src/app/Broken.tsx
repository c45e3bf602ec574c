import { Stack } from "@mantine/core";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Failure";
import { TextLink } from "@/ui/links";

/** A page that could not be shown. */
export function Broken({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
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
        whole
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
