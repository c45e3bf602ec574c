import { Button, ColorInput, NativeSelect, Popover, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Mail } from "./blocks";
import { withAttribute } from "./source";

/** Fonts that readers have without loading any. */
const fonts = ["", "Arial, sans-serif", "Verdana, sans-serif", "Trebuchet MS, sans-serif", "Georgia, serif", "Times New Roman, serif", "Courier New, monospace"];

/** Width, background and font of the whole mail. */
export function Whole({ mail, set }: { mail: Mail; set: (to: Mail, place: string) => void }) {
  const { t } = useTranslation();
  const body = (name: string, value: string) => set({ ...mail, body: withAttribute(mail.body, name, value.replace(/["<>]/g, "")) }, `body ${name}`);
  const font = mail.font;
  return (
    <Popover position="bottom-start" withinPortal trapFocus>
      <Popover.Target>
        <Button size="compact-sm" variant="default">
          {t("mail.whole")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("mail.whole")}>
        <Stack gap="xs" w={240}>
          <TextInput label={t("mail.width")} value={mail.body["width"] ?? ""} placeholder="600px" onChange={(e) => body("width", e.currentTarget.value)} />
          <ColorInput
            label={t("mail.background")}
            format="hex"
            popoverProps={{ withinPortal: false }}
            value={mail.body["background-color"] ?? ""}
            onChange={(to) => body("background-color", to)}
            eyeDropperButtonProps={{ "aria-label": t("mail.pick") }}
          />
          {font === undefined ? (
            <Text size="sm">{t("mail.headKept")}</Text>
          ) : (
            <NativeSelect
              label={t("mail.font")}
              value={font}
              onChange={(e) => set({ ...mail, font: e.currentTarget.value }, "font")}
              data={(fonts.includes(font) ? fonts : [font, ...fonts]).map((value) => ({ value, label: value || t("mail.align.usual") }))}
            />
          )}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
