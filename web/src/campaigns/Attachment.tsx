import { Button, Fieldset, Group, NativeSelect, SimpleGrid, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { Upload } from "@/templates/editor/Upload";

import { without } from "./form";
import { type SectionProps } from "./section";

const types = ["image", "video", "audio", "voice", "document"] as const;

/** A file that goes along: one that lies somewhere, or that is uploaded. */
export function AttachmentFields({ form, set, problem }: SectionProps) {
  const { t } = useTranslation();
  const file = form.attachment;
  const put = (change: Partial<NonNullable<typeof file>>) => set({ attachment: { ...file, ...change } });
  return (
    <Fieldset legend={t("content.file")}>
      <SimpleGrid cols={{ base: 1, xs: 3 }}>
        <Upload label={t("mail.uploadFile")} done={(made) => set({ attachment: { media_id: made.id, filename: made.name } })} />
        <TextInput
          label={t("mail.src")}
          placeholder="https://"
          disabled={file?.media_id !== undefined}
          value={file?.url ?? file?.filename ?? ""}
          error={problem?.at("content.attachment")}
          onChange={(e) => (e.currentTarget.value === "" ? set({ attachment: undefined }) : put({ url: e.currentTarget.value }))}
        />
        {file && (
          <NativeSelect
            label={t("templates.mediaType")}
            value={file.type ?? ""}
            onChange={(e) => {
              const type = types.find((one) => one === e.currentTarget.value);
              set({ attachment: type ? { ...file, type } : without(file, "type") });
            }}
            data={[{ value: "", label: t("content.byName") }, ...types.map((value) => ({ value, label: t(`content.fileTypes.${value}`) }))]}
          />
        )}
      </SimpleGrid>
      {file && (
        <Group mt="xs">
          <Button size="compact-sm" variant="default" onClick={() => set({ attachment: undefined })}>
            {t("content.dropFile")}
          </Button>
        </Group>
      )}
    </Fieldset>
  );
}
