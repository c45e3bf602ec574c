import { Kbd, Modal, Table } from "@mantine/core";
import { createSpotlight, Spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";

import { entries as all } from "./pages";
import { useMay } from "./session";

const [store, spotlight] = createSpotlight();

/** Finds pages and campaigns by their names, and lists the shortcuts. */
export default function Palette({ asked, close }: { asked: "palette" | "keys"; close: () => void }) {
  const { t } = useTranslation();
  const router = useRouter();
  const admin = useMay("admin");
  const entries = all.filter((entry) => !entry.admin || admin);
  const [text, setText] = useState("");
  const found = api.useQuery("get", "/v1/campaigns", { params: { query: { q: text, limit: 10 } } }, { enabled: asked === "palette" && text.length > 1 });
  useEffect(() => {
    if (asked === "palette") spotlight.open();
  }, [asked]);
  if (asked === "keys") {
    const keys: [string[], string][] = [
      [["Ctrl", "K"], t("shell.find")],
      [["?"], t("shell.keys")],
      ...entries.flatMap((entry): [string[], string][] => (entry.key ? [[["g", entry.key], t(entry.label)]] : [])),
    ];
    return (
      <Modal opened onClose={close} title={t("shell.keys")} closeButtonProps={{ "aria-label": t("common.close") }}>
        <Table>
          <Table.Tbody>
            {keys.map(([combination, what]) => (
              <Table.Tr key={what}>
                <Table.Td>
                  {combination.map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                  ))}
                </Table.Td>
                <Table.Td>{what}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Modal>
    );
  }
  const actions: SpotlightActionGroupData[] = [
    {
      group: t("shell.pages"),
      actions: entries.map((entry) => ({ id: entry.to, label: t(entry.label), onClick: () => void router.navigate({ to: entry.to }) })),
    },
    {
      group: t("campaigns.title"),
      actions: (found.data?.items ?? []).map((campaign) => ({
        id: `campaign-${campaign.id}`,
        label: campaign.name,
        description: t(`campaign.status.${campaign.status}`),
        onClick: () => void router.navigate({ to: "/campaigns/$id", params: { id: String(campaign.id) } }),
      })),
    },
  ];
  return (
    <Spotlight
      store={store}
      actions={actions}
      query={text}
      onQueryChange={setText}
      onSpotlightClose={close}
      nothingFound={t("shell.nothingFound")}
      searchProps={{ placeholder: t("shell.findHint"), "aria-label": t("shell.find") }}
      shortcut={null}
    />
  );
}
