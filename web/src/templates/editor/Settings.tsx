import { ColorInput, NativeSelect, SimpleGrid, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Block, BlockType } from "./blocks";
import { useActs } from "./BlockEditor";
import { withAttribute } from "./source";

/** Attributes that the settings of a block show, by what kind of field they are. */
const shown = {
  align: "choice",
  color: "color",
  "background-color": "color",
  "container-background-color": "color",
  "border-color": "color",
  "font-size": "size",
  "border-radius": "size",
  "border-width": "size",
  width: "size",
  height: "size",
  padding: "size",
} as const;
type Name = keyof typeof shown;

const of: Record<Exclude<BlockType, "raw">, Name[]> = {
  heading: ["align", "color", "container-background-color", "padding"],
  text: ["align", "color", "font-size", "container-background-color", "padding"],
  footer: ["align", "color", "font-size", "container-background-color", "padding"],
  social: ["align", "color", "font-size", "padding"],
  button: ["align", "background-color", "color", "border-radius", "padding"],
  image: ["align", "width", "padding"],
  divider: ["border-color", "border-width", "padding"],
  spacer: ["height", "container-background-color"],
  columns: ["background-color", "padding"],
};

/** How a block looks. Empty is as MJML has it. */
export function Settings({ block }: { block: Block }) {
  const { t } = useTranslation();
  const acts = useActs();
  if (block.type === "raw") return null;
  const set = (name: Name, value: string) =>
    acts.change(block.id, name, (b) => ({ ...b, attributes: withAttribute(b.attributes, name, value) }));
  return (
    <SimpleGrid cols={{ base: 1, xs: 3 }} mt="sm">
      {of[block.type].map((name) => {
        const value = block.attributes[name] ?? "";
        const label = t(`mail.set.${name}`);
        switch (shown[name]) {
          case "choice":
            return (
              <NativeSelect
                key={name}
                label={label}
                value={value}
                onChange={(e) => set(name, e.currentTarget.value)}
                data={["", "left", "center", "right"].map((at) => ({ value: at, label: t(`mail.align.${(at || "usual") as "usual" | "left" | "center" | "right"}`) }))}
              />
            );
          case "color":
            return <ColorInput key={name} label={label} format="hex" value={value} onChange={(to) => set(name, to)} eyeDropperButtonProps={{ "aria-label": t("mail.pick") }} />;
          case "size":
            return <TextInput key={name} label={label} placeholder={t("mail.sizeHint")} value={value} onChange={(e) => set(name, e.currentTarget.value.replace(/["<>]/g, ""))} />;
        }
      })}
    </SimpleGrid>
  );
}
