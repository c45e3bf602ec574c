import { Alert, Button, Group, Loader, Modal, Radio, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay } from "@/app/session";
import { Beside } from "@/templates/Beside";
import { TextLink } from "@/ui/links";

import { AttachmentFields } from "./Attachment";
import { ButtonFields } from "./Buttons";
import { without } from "./form";
import { type SectionProps } from "./section";

// The editor is heavy, and needed by who writes a mail alone.
const Compose = lazy(() => import("@/templates/Compose").then(({ Compose }) => ({ default: Compose })));

interface Props extends SectionProps {
  /** The kind of address that the channel writes to; empty where none is chosen. */
  address: string;
  can: Schema<"Capabilities"> | undefined;
}

/** What it says. */
export function ContentSection({ form, set, problem, address, can }: Props) {
  const { t } = useTranslation();
  const edits = useMay("editor");
  const [composing, setComposing] = useState(false);
  const templates = api.useQuery("get", "/v1/templates", { params: { query: { limit: 500, ...(address ? { kind: address } : {}) } } });
  const email = address === "email";
  const items = templates.data?.items ?? [];
  const names = items.map((item) => item.name);
  const chosen = items.find((item) => item.name === form.template);
  const window = can?.templates ? can.reply_window_hours : undefined; // beyond it nothing else may go without templates
  const outside = form.content.window_template ?? "";
  const hidden = Object.keys(form.content).filter((key) => key !== "template" && !(key === "window_template" && window));
  // A name that a template may have.
  const name = form.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 100);
  return (
    <Stack gap="sm">
      <Radio.Group label={t("content.source")} value={form.source} onChange={(value) => set({ source: value === "template" ? "template" : "own" })}>
        <Group mt={4}>
          <Radio value="own" label={t("content.own")} />
          <Radio value="template" label={t("content.template")} disabled={names.length === 0 && form.template === ""} />
          {email && edits && (
            <Button size="compact-sm" variant="default" onClick={() => setComposing(true)}>
              {t("content.blocks")}
            </Button>
          )}
        </Group>
      </Radio.Group>
      {form.source === "template" ? (
        <>
          <Select
            label={t("content.template")}
            searchable
            data={names.includes(form.template) || form.template === "" ? names : [...names, form.template]}
            value={form.template || null}
            onChange={(value) => set({ template: value ?? "" })}
            error={problem?.at("content.template")}
          />
          {chosen && (
            <TextLink size="sm" to="/templates/$id" params={{ id: String(chosen.id) }}>
              {t("content.showTemplate", { name: chosen.name })}
            </TextLink>
          )}
          {chosen && <Beside key={`${chosen.id} ${address}`} title={t("preview.title")} template={chosen} only={address || chosen.kinds?.[0] || ""} />}
        </>
      ) : (
        <>
          {email && (
            <Group grow align="flex-start">
              <TextInput
                label={t("content.subject")}
                required
                value={form.subject}
                error={problem?.at("content.subject")}
                onChange={(e) => set({ subject: e.currentTarget.value })}
              />
              <TextInput
                label={t("content.preheader")}
                value={form.preheader}
                error={problem?.at("content.preheader")}
                onChange={(e) => set({ preheader: e.currentTarget.value })}
              />
            </Group>
          )}
          <Textarea
            label={t("content.text")}
            description={t("content.textHint", { name: '{{ contact.first_name | default: "there" }}', leave: "{{ unsubscribe_url }}" })}
            autosize
            minRows={5}
            maxRows={24}
            value={form.text}
            error={problem?.at("content.text")}
            onChange={(e) => set({ text: e.currentTarget.value })}
          />
          {can?.html === true && (
            <Textarea
              label={t("content.html")}
              description={t("content.htmlHint")}
              autosize
              minRows={3}
              maxRows={24}
              styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
              value={form.html}
              error={problem?.at("content.html")}
              onChange={(e) => set({ html: e.currentTarget.value })}
            />
          )}
          {(address !== "" || form.attachment) && <AttachmentFields form={form} set={set} problem={problem} address={address} can={can} />}
          {((address !== "" && !email) || form.buttons.length > 0) && <ButtonFields form={form} set={set} problem={problem} can={can?.buttons ?? []} />}
        </>
      )}
      {window !== undefined && (
        <Select
          label={t("content.outside", { count: window })}
          description={t("content.outsideHint")}
          searchable
          clearable
          data={names.includes(outside) || outside === "" ? names : [...names, outside]}
          value={outside || null}
          onChange={(value) => set({ content: { ...without(form.content, "window_template"), ...(value ? { window_template: value } : {}) } })}
          error={problem?.at("content.window_template")}
        />
      )}
      {hidden.length > 0 && <Alert color="cyan">{t("content.more", { what: hidden.join(", ") })}</Alert>}
      <Modal fullScreen opened={composing} onClose={() => setComposing(false)} title={t("content.blocksTitle")} closeButtonProps={{ "aria-label": t("common.close") }}>
        <Suspense fallback={<Loader aria-label={t("common.loading")} />}>
          <Compose
            kinds={["email"]}
            name={name}
            subject={form.subject}
            made={(template) => {
              setComposing(false);
              set({ source: "template", template: template.name });
            }}
          />
        </Suspense>
      </Modal>
    </Stack>
  );
}
