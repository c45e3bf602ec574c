import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { RichText } from "./RichText";
import { htmlOf, type Place, placesOf } from "./social";

/** Where else one is to be found: names with addresses. */
export function Social({ html, change }: { html: string; change: (html: string) => void }) {
  const { t } = useTranslation();
  const places = placesOf(html);
  if (!places) return <RichText label={t("mail.block.social")} html={html} change={change} />;
  const set = (at: number, to: Partial<Place>) => change(htmlOf(places.map((p, i) => (i === at ? { ...p, ...to } : p))));
  return (
    <Stack gap="xs">
      {places.map((p, i) => (
        <Group key={i} align="flex-end" grow>
          <TextInput label={t("mail.placeName", { n: i + 1 })} value={p.name} onChange={(e) => set(i, { name: e.currentTarget.value })} />
          <TextInput label={t("mail.placeAddress", { n: i + 1 })} placeholder="https://" value={p.address} onChange={(e) => set(i, { address: e.currentTarget.value })} />
          <Button variant="default" onClick={() => change(htmlOf(places.filter((_, other) => other !== i)))}>
            {t("mail.dropPlace", { n: i + 1 })}
          </Button>
        </Group>
      ))}
      <Group>
        <Button size="compact-sm" variant="default" onClick={() => change(htmlOf([...places, { name: "", address: "https://" }]))}>
          {t("mail.addPlace")}
        </Button>
      </Group>
    </Stack>
  );
}
