import { Button, Fieldset, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { type SectionProps } from "./section";

const types = ["link", "postback", "call", "share"] as const;
const most = 10;

/** Buttons below the message. */
export function ButtonFields({ form, set, problem, can }: SectionProps & { can: string[] }) {
  const { t } = useTranslation();
  const buttons = form.buttons;
  const at = (i: number, change: Partial<(typeof buttons)[number]>) => set({ buttons: buttons.map((b, n) => (n === i ? { ...b, ...change } : b)) });
  const others = [...new Set(buttons.map((b) => b.type))].filter((type) => !can.includes(type));
  return (
    <Fieldset legend={t("templates.buttons")}>
      <Stack gap="xs">
        {buttons.map((b, i) => {
          const nth = t("templates.nth", { n: i + 1 });
          return (
            <Group key={i} align="flex-end" grow preventGrowOverflow={false}>
              <NativeSelect
                label={`${t("templates.buttonType")} ${nth}`}
                value={b.type}
                error={problem?.at(`content.buttons[${i}].type`)}
                onChange={(e) => at(i, { type: e.currentTarget.value as (typeof types)[number] })}
                data={types.map((value) => ({ value, label: t(`content.buttonTypes.${value}`) }))}
              />
              <TextInput label={`${t("templates.buttonText")} ${nth}`} value={b.caption} error={problem?.at(`content.buttons[${i}].caption`)} onChange={(e) => at(i, { caption: e.currentTarget.value })} />
              <TextInput label={`${t(`content.buttonInfo.${b.type}`)} ${nth}`} value={b.info ?? ""} error={problem?.at(`content.buttons[${i}].info`)} onChange={(e) => at(i, { info: e.currentTarget.value })} />
              <Button variant="default" onClick={() => set({ buttons: buttons.filter((_, n) => n !== i) })}>
                {t("templates.dropButton", { n: i + 1 })}
              </Button>
            </Group>
          );
        })}
        {others.length > 0 && <Text size="sm">{t("content.inWords", { types: others.map((type) => t(`content.buttonTypes.${type}`)).join(", ") })}</Text>}
        <Group>
          <Button size="compact-sm" variant="default" disabled={buttons.length >= most} onClick={() => set({ buttons: [...buttons, { type: "link", caption: "", info: "https://" }] })}>
            {t("templates.addButton")}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
