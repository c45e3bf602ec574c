import { Button, Code, Group, Loader, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, pages } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { useFormat } from "@/ui/format";
import { Part } from "@/ui/Part";

import type { Template } from "./definition";

/** What a template was before, and in what two versions differ. */
export function Versions({ template }: { template: Template }) {
  const { t } = useTranslation();
  const format = useFormat();
  const list = api.useInfiniteQuery("get", "/v1/templates/{id}/versions", { params: { path: { id: template.id }, query: { limit: 50 } } }, pages);
  const versions = list.data?.pages.flatMap((page) => page.items ?? []) ?? [];
  const [chosen, setChosen] = useState<number>();
  const from = chosen ?? template.version - 1;
  const diff = api.useQuery("get", "/v1/templates/{id}/diff", { params: { path: { id: template.id }, query: { from, to: template.version } } }, { enabled: from >= 1 && from < template.version });
  return (
    <Part title={t("templates.versions")}>
      <Stack gap="xs">
        <Text size="sm">{t("templates.version", { n: template.version, date: format.instant(template.changed_at) })}</Text>
        {list.error ? <Failure error={list.error} /> : null}
        {template.version > 1 && (
          <Group align="flex-end">
            <NativeSelect
              size="xs"
              label={t("templates.compare")}
              value={String(from)}
              onChange={(e) => setChosen(Number(e.currentTarget.value))}
              data={versions.filter((v) => v.version < template.version).map((v) => ({ value: String(v.version), label: t("templates.version", { n: v.version, date: format.instant(v.created_at) }) }))}
            />
            {list.hasNextPage && (
              <Button size="xs" variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                {t("common.more")}
              </Button>
            )}
          </Group>
        )}
        {diff.error ? <Failure error={diff.error} /> : null}
        {diff.isFetching && <Loader size="sm" aria-label={t("common.loading")} />}
        {(diff.data?.items ?? []).map((change) => (
          <div key={change.field}>
            <Text size="sm" fw={600}>
              {change.field}
            </Text>
            <Code block mah={240} style={{ overflow: "auto" }} tabIndex={0}>
              {change.diff}
            </Code>
          </div>
        ))}
      </Stack>
    </Part>
  );
}
