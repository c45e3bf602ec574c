import { Button, Fieldset, Group, NativeSelect, SimpleGrid, Stack, Textarea, TextInput } from "@mantine/core";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import type { Problem } from "@/api/problem";
import type { Schema } from "@/api/client";
import { FileFields } from "@/media/FileFields";

import type { Translation } from "./definition";
import { Insert } from "./editor/Insert";

type TemplateButton = Schema<"Button">;

interface Props {
  translation: Translation;
  set: (change: Partial<Translation>) => void;
  problem: Problem | undefined;
}

/** What a message says on channels without mails: header, words, footer, buttons. */
export function ChatFields({ translation, set, problem }: Props) {
  const { t } = useTranslation();
  const field = useRef<HTMLTextAreaElement>(null);
  const body = translation.body ?? "";
  const put = (liquid: string) => {
    const at = field.current?.selectionStart ?? body.length;
    set({ body: body.slice(0, at) + liquid + body.slice(at) });
    field.current?.focus();
  };
  return (
    <Stack gap="sm">
      <HeaderFields translation={translation} set={set} problem={problem} />
      <Textarea ref={field} label={t("templates.body")} autosize minRows={4} value={body} error={problem?.at("body")} onChange={(e) => set({ body: e.currentTarget.value })} />
      <Group>
        <Insert put={put} />
      </Group>
      <TextInput label={t("templates.footer")} value={translation.footer ?? ""} error={problem?.at("footer")} onChange={(e) => set({ footer: e.currentTarget.value })} />
      <Buttons buttons={translation.buttons ?? []} set={(buttons) => set({ buttons })} problem={problem} />
    </Stack>
  );
}

function HeaderFields({ translation, set, problem }: Props) {
  const { t } = useTranslation();
  const { header } = translation;
  const media = header?.media;
  const kind = media ? "media" : header ? "text" : "none";
  const choose = (to: string) => {
    if (to === "none") set({ header: {} });
    else set({ header: to === "media" ? { media: { type: "image", url: "" } } : { text: " " } });
  };
  return (
    <Stack gap="xs">
      <NativeSelect
        label={t("templates.header")}
        value={header && (header.text || header.media) ? kind : "none"}
        onChange={(e) => choose(e.currentTarget.value)}
        data={(["none", "text", "media"] as const).map((value) => ({ value, label: t(`templates.headers.${value}`) }))}
      />
      {header?.text && !media && (
        <TextInput label={t("templates.headerText")} value={header.text} error={problem?.at("header.text")} onChange={(e) => set({ header: { text: e.currentTarget.value } })} />
      )}
      {media && (
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <NativeSelect
            label={t("templates.mediaType")}
            value={media.type}
            error={problem?.at("header.media.type")}
            onChange={(e) => set({ header: { media: { ...media, type: e.currentTarget.value as typeof media.type } } })}
            data={(["image", "video", "document"] as const).map((value) => ({ value, label: t(`templates.media.${value}`) }))}
          />
          <FileFields
            file={media}
            error={problem?.at("header.media.media_id") ?? problem?.at("header.media.url")}
            chosen={(file) => set({ header: { media: headerOf(file) } })}
            write={(url) => set({ header: { media: { ...media, url } } })}
            drop={() => set({ header: { media: { type: media.type, url: "" } } })}
          />
        </SimpleGrid>
      )}
    </Stack>
  );
}

/** A file as what a header has: a picture, a video, or else a document, which has a name. */
function headerOf(file: Schema<"MediaFile">): Schema<"Media"> {
  if (file.type === "image" || file.type === "video") return { type: file.type, media_id: file.id };
  return { type: "document", media_id: file.id, filename: file.name };
}

const types = ["quick_reply", "url", "phone", "copy_code"] as const;
const value = { quick_reply: undefined, url: "url", phone: "phone", copy_code: "code" } as const;

function Buttons({ buttons, set, problem }: { buttons: TemplateButton[]; set: (buttons: TemplateButton[]) => void; problem: Problem | undefined }) {
  const { t } = useTranslation();
  const at = (i: number, to: TemplateButton) => set(buttons.map((b, other) => (other === i ? to : b)));
  return (
    <Fieldset legend={t("templates.buttons")}>
      <Stack gap="xs">
        {buttons.map((b, i) => {
          const what = value[b.type];
          const suffix = t("templates.nth", { n: i + 1 });
          return (
            <Group key={i} align="flex-end" grow preventGrowOverflow={false}>
              <NativeSelect
                label={`${t("templates.buttonType")} ${suffix}`}
                value={b.type}
                error={problem?.at(`buttons[${i}].type`)}
                onChange={(e) => at(i, { type: e.currentTarget.value as TemplateButton["type"], text: b.text })}
                data={types.map((type) => ({ value: type, label: t(`templates.buttonTypes.${type}`) }))}
              />
              <TextInput label={`${t("templates.buttonText")} ${suffix}`} value={b.text} error={problem?.at(`buttons[${i}].text`)} onChange={(e) => at(i, { ...b, text: e.currentTarget.value })} />
              {what && (
                <TextInput
                  label={`${t(`templates.buttonValue.${what}`)} ${suffix}`}
                  value={b[what] ?? ""}
                  error={problem?.at(`buttons[${i}].${what}`)}
                  onChange={(e) => at(i, { ...b, [what]: e.currentTarget.value })}
                />
              )}
              <Button variant="default" onClick={() => set(buttons.filter((_, other) => other !== i))}>
                {t("templates.dropButton", { n: i + 1 })}
              </Button>
            </Group>
          );
        })}
        <Group>
          <Button size="compact-sm" variant="default" disabled={buttons.length >= 10} onClick={() => set([...buttons, { type: "quick_reply", text: "" }])}>
            {t("templates.addButton")}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
