import { Button, Menu } from "@mantine/core";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import { type Drawing } from "./drawing";
import { add, begin, kinds } from "./graph";
import { blank } from "./steps";

/** Adds a step behind another, on one of its exits; without one, before all others. */
export function AddMenu({ drawing, after, exit = "next", label }: { drawing: Drawing; after?: string; exit?: string; label: string }) {
  const { t } = useTranslation();
  const { form, edit, choose } = drawing;
  const target = useRef<HTMLButtonElement>(null);
  return (
    // Who leaves it is back where they were at once, before the settings of a new step take over.
    <Menu returnFocus={false} onClose={() => target.current?.focus()}>
      <Menu.Target>
        <Button ref={target} size="xs" variant="default">
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {kinds
          .filter((kind) => after || kind !== "end")
          .map((kind) => (
            <Menu.Item
              key={kind}
              onClick={() => {
                const step = blank(kind, form.steps, t);
                edit((g) => (after ? add(g, after, exit, step) : begin(g, step)));
                choose(step.id);
              }}
            >
              {t(`flow.kind.${kind}`)}
            </Menu.Item>
          ))}
      </Menu.Dropdown>
    </Menu>
  );
}
