import { Card, Group, Image, SegmentedControl, Stack, Switch, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";

import { dark, elsewhere, here } from "./definition";

const phone = 375; // px

interface Props {
  content: Schema<"Content">;
  /** How long it is for a telephone; undefined for what goes elsewhere. */
  sms?: Schema<"Length"> | undefined;
  /** Whether it is pushed to devices and browsers, which show it above all else. */
  pushed?: boolean;
}

/** What somebody gets, as it will be read: a mail, a notification, or a message of a messenger. */
export function Message({ content, sms, pushed }: Props) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      {pushed ? <Notice content={content} /> : content.html || content.subject ? <Mail content={content} /> : <Bubble content={content} />}
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

const shown = 4; // lines of a notification's text that devices show before it is opened

/** A notification as devices show it: a title, the first lines, a picture, and what can be pressed. */
function Notice({ content }: { content: Schema<"Content"> }) {
  const { t } = useTranslation();
  return (
    <Card withBorder radius="md" p="sm" maw={400} role="group" aria-label={t("preview.notice")}>
      <Text size="sm" fw={700} truncate>
        {content.subject}
      </Text>
      <Text size="sm" lineClamp={shown} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {content.text}
      </Text>
      <File file={content.attachment} />
      {(content.buttons ?? []).length > 0 && (
        <Group gap="md" mt="xs">
          {(content.buttons ?? []).map((b) => (
            <Text key={b.caption} size="sm" fw={600}>
              {b.caption}
            </Text>
          ))}
        </Group>
      )}
    </Card>
  );
}

/** A file: itself where it is a picture that was uploaded here, else its name. */
function File({ file }: { file: Schema<"Attachment"> | undefined }) {
  const id = file?.media_id ?? 0;
  const kept = api.useQuery("get", "/v1/media/{id}", { params: { path: { id } } }, { enabled: id > 0 });
  if (!file) return null;
  const address = kept.data?.url ?? file.url ?? "";
  const name = file.filename || kept.data?.name || address.split("/").at(-1) || "";
  const url = here(address, window.location.origin);
  const picture = file.type === "image" || /\.(png|jpe?g|gif|webp)(\?|$)/i.test(address);
  if (!picture || !url.startsWith(window.location.origin)) return <Text size="sm">{name}</Text>;
  return <Image src={url} alt={file.caption || name} radius="md" my="xs" mah={240} fit="contain" />;
}

/** A message as messengers show it: media, words, buttons. */
function Bubble({ content }: { content: Schema<"Content"> }) {
  return (
    <Stack gap={4} maw={360}>
      <Card withBorder radius="lg" p="sm">
        <File file={content.attachment} />
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
