import { Button, Menu } from "@mantine/core";
import { createContext, useContext } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";

import { namesOf } from "./names";

/** The parameters of the template that is written. */
export const Parameters = createContext<{ name: string }[]>([]);

/** A list of what can be filled in for each reader, from which one is put where the text is. */
export function Insert({ put }: { put: (liquid: string) => void }) {
  const { t } = useTranslation();
  const parameters = useContext(Parameters);
  const properties = api.useQuery("get", "/v1/properties", {}, { staleTime: 60_000 });
  const names = namesOf(properties.data?.items ?? [], parameters);
  const groups = ["parameter", "contact", "property", "link"] as const;
  return (
    <Menu withinPortal width={260} returnFocus={false}>
      <Menu.Target>
        <Button size="compact-xs" variant="default">
          {t("mail.insert")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflowY: "auto" }}>
        {groups.map((group) => {
          const inside = names.filter((n) => n.group === group);
          return inside.length === 0 ? null : [
            <Menu.Label key={group}>{t(`mail.names.${group}`)}</Menu.Label>,
            ...inside.map((n) => (
              <Menu.Item key={n.liquid} onClick={() => put(n.liquid)}>
                {n.name}
              </Menu.Item>
            )),
          ];
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
