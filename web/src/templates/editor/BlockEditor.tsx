import { Button, Group, Menu, Stack, Text } from "@mantine/core";
import { createContext, useContext, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { type Addable, added, addable, addedWithin, type Block, changed, copy, fresh, type Mail, moved, removed } from "./blocks";
import { BlockView } from "./BlockView";
import { begin, change as changeHistory, redo, undo } from "./history";
import { mjmlOf } from "./mjml";
import { Whole } from "./Whole";

/** What can be done with blocks, wherever they are. */
interface Acts {
  /** Changes a block; changes of one place that follow each other are undone together. */
  change: (id: string, place: string, to: (b: Block) => Block) => void;
  move: (id: string, by: -1 | 1) => void;
  duplicate: (b: Block) => void;
  remove: (id: string) => void;
  add: (type: Addable, columns: number, where: { after: string } | { within: string; column: number }) => void;
}

const Doing = createContext<Acts | undefined>(undefined);

export function useActs(): Acts {
  const acts = useContext(Doing);
  if (!acts) throw new Error("blocks are shown within their editor alone");
  return acts;
}

/** Puts a new block somewhere. */
export function Add({ within, column, after = "" }: { within?: string; column?: number; after?: string }) {
  const { t } = useTranslation();
  const acts = useActs();
  const add = (type: Addable, columns = 2) => acts.add(type, columns, within !== undefined && column !== undefined ? { within, column } : { after });
  return (
    <Menu withinPortal returnFocus={false}>
      <Menu.Target>
        <Button size="compact-sm" variant="default">
          {within === undefined ? t("mail.add") : t("mail.addHere", { n: (column ?? 0) + 1 })}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {addable
          .filter((type) => type !== "columns")
          .map((type) => (
            <Menu.Item key={type} onClick={() => add(type)}>
              {t(`mail.block.${type}`)}
            </Menu.Item>
          ))}
        {within === undefined &&
          ([2, 3] as const).map((n) => (
            <Menu.Item key={n} onClick={() => add("columns", n)}>
              {t("mail.columns", { n })}
            </Menu.Item>
          ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** The blocks of a mail, each with what can be done with it. Every change is handed on as MJML. */
export default function BlockEditor({ initial, onChange }: { initial: Mail; onChange: (mjml: string) => void }) {
  const { t } = useTranslation();
  const [history, setHistory] = useState(() => begin(initial));
  const [focus, setFocus] = useState<{ id: string; words: string; n: number }>({ id: "", words: "", n: 0 });
  const box = useRef<HTMLDivElement>(null);
  const mail = history.now;

  const go = (next: typeof history) => {
    if (next === history) return;
    setHistory(next);
    onChange(mjmlOf(next.now));
  };
  const set = (to: Mail, place = "") => go(changeHistory(history, to, place));
  const blocks = (list: Block[], place = "") => set({ ...mail, blocks: list }, place);
  const point = (id: string, words: string) => setFocus((old) => ({ id, words, n: old.n + 1 }));

  // Whoever moves or adds a block goes on there.
  useEffect(() => {
    if (focus.id) box.current?.querySelector<HTMLElement>(`[data-block="${focus.id}"]`)?.focus();
  }, [focus]);

  const acts: Acts = {
    change: (id, place, to) => blocks(changed(mail.blocks, id, to), `${id} ${place}`),
    move: (id, by) => {
      blocks(moved(mail.blocks, id, by));
      point(id, t(by < 0 ? "mail.movedUp" : "mail.movedDown"));
    },
    duplicate: (b) => {
      const made = copy(b);
      blocks(added(mail.blocks, made, b.id));
      point(made.id, t("mail.duplicated"));
    },
    remove: (id) => {
      blocks(removed(mail.blocks, id));
      box.current?.focus();
      setFocus((old) => ({ id: "", words: t("mail.removed"), n: old.n + 1 }));
    },
    add: (type, columns, where) => {
      const made = fresh(type, { heading: t("mail.start.heading"), text: t("mail.start.text"), button: t("mail.start.button"), footer: t("mail.start.footer", { leave: "{{ unsubscribe_url }}" }) }, columns);
      blocks("after" in where ? added(mail.blocks, made, where.after) : addedWithin(mail.blocks, made, where.within, where.column));
      point(made.id, t("mail.added"));
    },
  };

  const press = (e: React.KeyboardEvent) => {
    const at = (e.target as HTMLElement).closest<HTMLElement>("[data-block]")?.dataset["block"];
    const key = e.key.toLowerCase();
    if ((e.ctrlKey || e.metaKey) && (key === "z" || key === "y")) go(key === "y" || e.shiftKey ? redo(history) : undo(history));
    else if (e.altKey && at && (key === "arrowup" || key === "arrowdown")) acts.move(at, key === "arrowup" ? -1 : 1);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };

  return (
    <Doing value={acts}>
      <Stack gap="sm" ref={box} tabIndex={-1} onKeyDownCapture={press} role="group" aria-label={t("mail.blocks")}>
        <Group gap="xs">
          <Add />
          <Button size="compact-sm" variant="default" disabled={history.past.length === 0} onClick={() => go(undo(history))}>
            {t("mail.undo")}
          </Button>
          <Button size="compact-sm" variant="default" disabled={history.future.length === 0} onClick={() => go(redo(history))}>
            {t("mail.redo")}
          </Button>
          <Whole mail={mail} set={set} />
        </Group>
        <Text size="sm" c="dimmed">
          {mail.blocks.length === 0 ? t("mail.empty") : t("mail.keys")}
        </Text>
        {mail.blocks.map((b, i) => (
          <BlockView key={b.id} block={b} place={t("mail.place", { n: i + 1, of: mail.blocks.length })} />
        ))}
        <Text size="xs" role="status" key={focus.n}>
          {focus.words}
        </Text>
      </Stack>
    </Doing>
  );
}
