import { Card, Group, Image, SegmentedControl, Stack, Switch, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";

import { dark, elsewhere, here } from "./definition";

const phone = 375; // px

interface Props {
  content: Schema<"Content">;
  /** How long it is for a telephone; undefined for what goes elsewhere. */
  sms?: Schema<"Length"> | undefined;
}

/** What somebody gets, as it will be read: a mail, or a message of a messenger. */
export function Message({ content, sms }: Props) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      {content.html || content.subject ? <Mail content={content} /> : <Bubble content={content} />}
      {sms && <Text size="sm">{t("templates.sms", { count: sms.segments, units: sms.units, left: sms.left, letters: t(`templates.letters.${sms.encoding}`) })}</Text>}
    </Stack>
  );
}

/** A mail in a frame that runs nothing, and loads nothing but what was uploaded here. */
function Mail({ content }: { content: Schema<"Content"> }) {
  const { t } = useTranslation();
  const [width, setWidth] = useState<"desktop" | "phone">("desktop");
  const [night, setNight] = useState(false);
  const html = here(content.html ?? "", window.location.origin);
  return (
    <Stack gap="xs">
      <Text fw={700}>{content.subject}</Text>
      {content.preheader && (
        <Text size="sm" c="dimmed">
          {content.preheader}
        </Text>
      )}
      {html === "" ? (
        <Words text={content.text ?? ""} />
      ) : (
        <>
          <Group gap="sm">
            <SegmentedControl
              size="xs"
              aria-label={t("preview.width")}
              value={width}
              onChange={(to) => setWidth(to)}
              data={(["desktop", "phone"] as const).map((value) => ({ value, label: t(`preview.${value}`) }))}
            />
            <Switch size="xs" label={t("templates.dark")} checked={night} onChange={(e) => setNight(e.currentTarget.checked)} />
          </Group>
          <div style={{ overflowX: "auto" }} tabIndex={0} role="group" aria-label={t("preview.title")}>
            <iframe
              title={t("preview.title")}
              sandbox=""
              srcDoc={night ? dark(html) : html}
              style={{ width: width === "phone" ? phone : "100%", height: 520, border: "1px solid var(--mantine-color-gray-5)", background: night ? "black" : "white" }}
            />
          </div>
          {elsewhere(html, window.location.origin) && (
            <Text size="xs" c="dimmed">
              {t("templates.elsewhere")}
            </Text>
          )}
        </>
      )}
    </Stack>
  );
}

function Words({ text }: { text: string }) {
  return (
    <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
      {text}
    </Text>
  );
}

/** A message as messengers show it: media, words, buttons. */
function Bubble({ content }: { content: Schema<"Content"> }) {
  const file = content.attachment;
  const picture = file && (file.type === "image" || /\.(png|jpe?g|gif|webp)(\?|$)/i.test(file.url));
  const url = file ? here(file.url, window.location.origin) : "";
  return (
    <Stack gap={4} maw={360}>
      <Card withBorder radius="lg" p="sm">
        {file && picture && url.startsWith(window.location.origin) && <Image src={url} alt={file.caption ?? file.filename ?? ""} radius="md" mb="xs" mah={240} fit="contain" />}
        {file && !(picture && url.startsWith(window.location.origin)) && <Text size="sm">{file.filename || file.url.split("/").at(-1)}</Text>}
        <Words text={content.text ?? ""} />
        {content.location && <Words text={[content.location.name, content.location.address].filter(Boolean).join(", ") || `${content.location.latitude}, ${content.location.longitude}`} />}
        {(content.cards ?? []).map(({ name }) => (
          <Words key={name.formatted_name} text={name.formatted_name} />
        ))}
      </Card>
      {(content.buttons ?? []).map((b) => (
        <Card key={b.caption} withBorder radius="md" p={6} ta="center">
          <Text size="sm" fw={600}>
            {b.caption}
          </Text>
        </Card>
      ))}
    </Stack>
  );
}
