import { Button, Group, Paper, TextInput } from "@mantine/core";
import { EditorContent, useEditor } from "@tiptap/react";
import StarterKit from "@tiptap/starter-kit";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { Insert } from "./Insert";
import { given, kept } from "./richtext";

const kit = StarterKit.configure({
  // The editor of blocks undoes everything, in one order.
  undoRedo: false,
  codeBlock: false,
  code: false,
  blockquote: false,
  horizontalRule: false,
  heading: { levels: [1, 2, 3] },
  trailingNode: false,
  link: { openOnClick: false, autolink: false, HTMLAttributes: { target: null, rel: null, class: null }, isAllowedUri: (address) => !/^\s*(javascript|data|vbscript):/i.test(address) },
});

/** A text with bold, italic, links and lists. */
export function RichText({ label, html, change }: { label: string; html: string; change: (html: string) => void }) {
  const { t } = useTranslation();
  const [link, setLink] = useState<string>();
  const editor = useEditor({
    extensions: [kit],
    content: given(html),
    editorProps: { attributes: { "aria-label": label, role: "textbox", "aria-multiline": "true", class: "rich" } },
    onUpdate: ({ editor }) => change(kept(editor.getHTML())),
  });
  // What was undone is shown.
  useEffect(() => {
    if (kept(editor.getHTML()) !== html) editor.commands.setContent(given(html), { emitUpdate: false });
  }, [editor, html]);
  const mark = (name: string, words: string, toggle: () => void) => (
    <Button size="compact-xs" variant={editor.isActive(name) ? "filled" : "default"} color="cyan.9" aria-pressed={editor.isActive(name)} onClick={toggle}>
      {words}
    </Button>
  );
  const setAddress = () => {
    if (link) editor.chain().focus().extendMarkRange("link").setLink({ href: link }).run();
    else editor.chain().focus().extendMarkRange("link").unsetLink().run();
    setLink(undefined);
  };
  return (
    <Paper withBorder p="xs">
      <Group gap={4} mb={4}>
        {mark("bold", t("mail.bold"), () => editor.chain().focus().toggleBold().run())}
        {mark("italic", t("mail.italic"), () => editor.chain().focus().toggleItalic().run())}
        {mark("bulletList", t("mail.list"), () => editor.chain().focus().toggleBulletList().run())}
        {mark("link", t("mail.link"), () => setLink((editor.getAttributes("link")["href"] as string | undefined) ?? "https://"))}
        <Insert put={(liquid) => editor.chain().focus().insertContent({ type: "text", text: liquid }).run()} />
      </Group>
      {link !== undefined && (
        <Group gap={4} mb={4} align="flex-end">
          <TextInput
            size="xs"
            label={t("mail.address")}
            value={link}
            data-autofocus
            onChange={(e) => setLink(e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key === "Enter") {
                e.preventDefault();
                setAddress();
              }
            }}
          />
          <Button size="xs" variant="default" onClick={setAddress}>
            {t("mail.setLink")}
          </Button>
        </Group>
      )}
      <EditorContent editor={editor} />
    </Paper>
  );
}
