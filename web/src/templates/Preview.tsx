import { Alert, Button, Card, Group, Image, SegmentedControl, Select, Stack, Switch, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { nameOf } from "@/contacts/name";

import { dark, elsewhere, here } from "./definition";

const phone = 375; // px
const typing = 300; // ms

/** Chooses for whom it is shown: a contact that is searched for, or any. */
export function Reader({ value, choose }: { value: number; choose: (id: number) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text, typing);
  const found = api.useQuery("get", "/v1/contacts", { params: { query: { limit: 100, ...(q ? { q } : {}) } } });
  const one = api.useQuery("get", "/v1/contacts/{id}", { params: { path: { id: value } } }, { enabled: value > 0 });
  const people = found.data?.items ?? [];
  const all = one.data && !people.some((p) => p.id === value) ? [one.data, ...people] : people;
  const random = () => {
    const other = people[Math.floor(Math.random() * people.length)];
    if (other) choose(other.id);
  };
  return (
    <Group gap="xs" align="flex-end" wrap="nowrap">
      <Select
        flex={1}
        size="xs"
        label={t("templates.reader")}
        searchable
        clearable
        clearButtonProps={{ "aria-label": t("common.clear") }}
        placeholder={t("templates.nobody")}
        nothingFoundMessage={t("contacts.noneFound")}
        filter={({ options }) => options}
        data={all.map((p) => ({ value: String(p.id), label: nameOf(p) }))}
        value={value ? String(value) : null}
        onChange={(id) => choose(Number(id ?? 0))}
        onSearchChange={setText}
      />
      <Button size="xs" variant="default" disabled={people.length === 0} onClick={random}>
        {t("templates.random")}
      </Button>
    </Group>
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

/** What somebody gets, as the server renders it, and what it lacks of them. */
export function Rendered({ rendering }: { rendering: Schema<"Rendering"> }) {
  const { t } = useTranslation();
  const { content, lacks, sms } = rendering;
  return (
    <Stack gap="xs">
      {lacks && lacks.length > 0 && <Alert color="orange">{t("templates.lacks", { names: lacks.join(", ") })}</Alert>}
      {content.html || content.subject ? <Mail content={content} /> : <Bubble content={content} />}
      {sms && <Text size="sm">{t("templates.sms", { count: sms.segments, units: sms.units, left: sms.left, letters: t(`templates.letters.${sms.encoding}`) })}</Text>}
    </Stack>
  );
}
