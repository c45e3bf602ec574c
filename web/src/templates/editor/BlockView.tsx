import { Alert, Button, Code, Collapse, Group, NativeSelect, Paper, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { Choose } from "@/media/Library";
import { Upload } from "@/media/Upload";

import type { Block } from "./blocks";
import { Add, useActs } from "./BlockEditor";
import { Line } from "./Line";
import { RichText } from "./RichText";
import { Settings } from "./Settings";
import { Social } from "./Social";
import { escape, unescape } from "./source";

/** One block: what it is, what can be done with it, what it says. */
export function BlockView({ block, place }: { block: Block; place: string }) {
  const { t } = useTranslation();
  const acts = useActs();
  const [opened, setOpened] = useState(false);
  const name = t(`mail.block.${block.type}`);
  const act = (words: string, run: () => void) => (
    <Button size="compact-xs" variant="default" aria-label={t("mail.actOn", { act: words, name, place })} onClick={run}>
      {words}
    </Button>
  );
  return (
    <Paper withBorder p="sm" component="section" data-block={block.id} tabIndex={-1} aria-label={`${name}, ${place}`}>
      <Group justify="space-between" gap={4} mb="xs">
        <Text size="sm" fw={600}>
          {name}
        </Text>
        <Group gap={4}>
          {act(t("mail.up"), () => acts.move(block.id, -1))}
          {act(t("mail.down"), () => acts.move(block.id, 1))}
          {act(t("mail.duplicate"), () => acts.duplicate(block))}
          {act(t("mail.remove"), () => acts.remove(block.id))}
          {block.type !== "raw" && (
            <Button size="compact-xs" variant={opened ? "filled" : "default"} color="cyan.9" aria-expanded={opened} aria-label={t("mail.actOn", { act: t("mail.settings"), name, place })} onClick={() => setOpened(!opened)}>
              {t("mail.settings")}
            </Button>
          )}
        </Group>
      </Group>
      <Said block={block} />
      <Collapse expanded={opened}>{opened && <Settings block={block} />}</Collapse>
    </Paper>
  );
}

/** What a block says, as it is written. */
function Said({ block }: { block: Block }) {
  const { t } = useTranslation();
  const acts = useActs();
  const html = (value: string) => acts.change(block.id, "html", (b) => ("html" in b ? { ...b, html: value } : b));
  const attribute = (name: string) => ({
    value: unescape(block.attributes[name] ?? ""),
    change: (value: string) => acts.change(block.id, name, (b) => ({ ...b, attributes: { ...b.attributes, [name]: escape(value) } })),
  });
  switch (block.type) {
    case "heading":
      return (
        <Group align="flex-start" wrap="nowrap">
          <Stack flex={1}>
            <Line label={t("mail.block.heading")} value={unescape(block.html)} change={(value) => html(escape(value))} />
          </Stack>
          <NativeSelect
            label={t("mail.level")}
            value={String(block.level)}
            onChange={(e) => {
              const level = Number(e.currentTarget.value) as 1 | 2 | 3;
              acts.change(block.id, "level", (b) => (b.type === "heading" ? { ...b, level } : b));
            }}
            data={["1", "2", "3"]}
          />
        </Group>
      );
    case "text":
    case "footer":
      return <RichText label={t(`mail.block.${block.type}`)} html={block.html} change={html} />;
    case "social":
      return <Social html={block.html} change={html} />;
    case "button":
      return (
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <Line label={t("mail.onIt")} value={unescape(block.html)} change={(value) => html(escape(value))} />
          <Line label={t("mail.leads")} placeholder="https://" {...attribute("href")} />
        </SimpleGrid>
      );
    case "image":
      return <Picture block={block} attribute={attribute} />;
    case "divider":
    case "spacer":
      return null;
    case "raw":
      return (
        <Alert color="cyan" title={t("mail.rawTitle")}>
          <Text size="sm">{t("mail.rawHint")}</Text>
          <Code block mah={160} style={{ overflow: "auto" }} tabIndex={0}>
            {block.source}
          </Code>
        </Alert>
      );
    case "columns":
      return (
        <SimpleGrid cols={{ base: 1, sm: block.columns.length }}>
          {block.columns.map((column, i) => (
            <Stack key={i} gap="xs" role="group" aria-label={t("mail.column", { n: i + 1 })}>
              {column.blocks.map((b, at) => (
                <BlockView key={b.id} block={b} place={t("mail.placeIn", { n: at + 1, of: column.blocks.length, column: i + 1 })} />
              ))}
              <Group>
                <Add within={block.id} column={i} />
              </Group>
            </Stack>
          ))}
        </SimpleGrid>
      );
  }
}

interface PictureProps {
  block: Block;
  attribute: (name: string) => { value: string; change: (value: string) => void };
}

function Picture({ block, attribute }: PictureProps) {
  const { t } = useTranslation();
  const acts = useActs();
  const src = attribute("src");
  const alt = attribute("alt");
  const show = (file: Schema<"MediaFile">) =>
    acts.change(block.id, "", (b) => ({ ...b, attributes: { ...b.attributes, src: escape(file.url), alt: b.attributes["alt"] || escape(file.name.replace(/\.\w+$/, "")) } }));
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      <Stack gap="xs">
        <Upload pictures label={t("mail.upload")} done={show} />
        <Group>
          <Choose pictures label={t("files.choosePicture")} done={show} />
        </Group>
      </Stack>
      <TextInput label={t("mail.src")} placeholder="https://" value={src.value} onChange={(e) => src.change(e.currentTarget.value)} />
      <TextInput label={t("mail.alt")} description={t("mail.altHint")} value={alt.value} onChange={(e) => alt.change(e.currentTarget.value)} />
      <Line label={t("mail.leadsMaybe")} placeholder="https://" {...attribute("href")} />
    </SimpleGrid>
  );
}
