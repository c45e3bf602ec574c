import { html } from "@codemirror/lang-html";
import { EditorState, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, WidgetType } from "@codemirror/view";
import { basicSetup } from "codemirror";
import { Button, Group, Stack, Text } from "@mantine/core";
import { useEffect, useEffectEvent, useRef } from "react";
import { useTranslation } from "react-i18next";

import type { Mistake } from "./mistakes";

class Says extends WidgetType {
  constructor(readonly words: string) {
    super();
  }
  override eq(other: Says) {
    return other.words === this.words;
  }
  toDOM() {
    const line = document.createElement("div");
    line.className = "cm-mistake";
    line.textContent = this.words;
    return line;
  }
}

const setMistakes = StateEffect.define<Mistake[]>();

/** What is wrong, below its line. */
const mistakes = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, transaction) {
    let next = set.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setMistakes)) continue;
      const builder = new RangeSetBuilder<Decoration>();
      const { doc } = transaction.state;
      const placed = effect.value.filter((m) => m.line !== undefined && m.line >= 1 && m.line <= doc.lines).sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
      for (const m of placed) builder.add(doc.line(m.line ?? 1).to, doc.line(m.line ?? 1).to, Decoration.widget({ widget: new Says(m.words), block: true, side: 1 }));
      next = builder.finish();
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

// Its colors are made for white, so that it is white in the dark as well.
const theme = EditorView.theme({
  "&": { backgroundColor: "#ffffff", color: "#000000", border: "1px solid #868e96", fontSize: "13px" },
  ".cm-scroller": { maxHeight: "60vh", overflow: "auto" },
  ".cm-content": { caretColor: "#000000" },
  ".cm-gutters": { backgroundColor: "#f8f9fa", color: "#495057" },
  ".cm-mistake": { backgroundColor: "#ffe3e3", color: "#a61e1e", padding: "2px 8px", whiteSpace: "pre-wrap" },
});

interface Props {
  label: string;
  value: string;
  wrong: Mistake[];
  change: (value: string) => void;
}

/** MJML or HTML as code, with what the server finds wrong at its line. */
export function Code({ label, value, wrong, change }: Props) {
  const { t } = useTranslation();
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useEffectEvent(change);
  const start = useEffectEvent(() => value);
  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: start(),
        extensions: [
          basicSetup,
          html(),
          mistakes,
          theme,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed(update.state.doc.toString());
          }),
        ],
      }),
    });
    // It is scrolled by the keyboard as well.
    made.scrollDOM.tabIndex = 0;
    view.current = made;
    return () => made.destroy();
  }, [label]);
  useEffect(() => view.current?.dispatch({ effects: setMistakes.of(wrong) }), [wrong]);
  const goTo = (line: number) => {
    const made = view.current;
    if (!made) return;
    const at = made.state.doc.line(Math.min(Math.max(line, 1), made.state.doc.lines));
    made.dispatch({ selection: { anchor: at.from }, effects: EditorView.scrollIntoView(at.from, { y: "center" }) });
    made.focus();
  };
  return (
    <Stack gap={4}>
      <div ref={place} />
      {wrong.length > 0 && (
        <Stack gap={2} role="alert">
          {wrong.map(({ line, words }) => (
            <Group key={`${line}${words}`} gap="xs" wrap="nowrap" align="flex-start">
              {line !== undefined && (
                <Button size="compact-xs" variant="default" miw="max-content" onClick={() => goTo(line)}>
                  {t("mail.line", { line })}
                </Button>
              )}
              <Text size="sm" c="red">
                {words}
              </Text>
            </Group>
          ))}
        </Stack>
      )}
    </Stack>
  );
}
