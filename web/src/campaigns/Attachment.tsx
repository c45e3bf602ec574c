import { Fieldset, NativeSelect, SimpleGrid } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { FileFields } from "@/media/FileFields";

import { without } from "./form";
import { type SectionProps } from "./section";

const types = ["image", "video", "audio", "voice", "document"] as const;

interface Props extends SectionProps {
  address: string;
  can: Schema<"Capabilities"> | undefined;
}

/** A file that goes along: one that was uploaded, or that lies somewhere. */
export function AttachmentFields({ form, set, problem, address, can }: Props) {
  const { t } = useTranslation();
  const file = form.attachment;
  return (
    <Fieldset legend={t("content.file")}>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <FileFields
          file={file}
          can={can}
          address={address}
          error={problem?.at("content.attachment")}
          chosen={(made) => set({ attachment: { media_id: made.id, filename: made.name } })}
          write={(url) => set({ attachment: { ...file, url } })}
          drop={() => set({ attachment: undefined })}
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
    </Fieldset>
  );
}
