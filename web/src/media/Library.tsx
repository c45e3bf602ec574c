import { Button, Group, Image, Modal, Stack, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, pages, type Schema } from "@/api/client";
import { Empty } from "@/ui/Empty";
import { useFormat } from "@/ui/format";
import { here } from "@/templates/definition";
import { type Column, Rows } from "@/ui/Rows";

import { Upload } from "./Upload";

type File = Schema<"MediaFile">;

/** What a file is, in the columns of a list of files. */
export function useFileColumns(): Column<File>[] {
  const { t } = useTranslation();
  const format = useFormat();
  return [
    {
      key: "name",
      label: t("files.name"),
      cell: (file) => (
        <Group gap="xs" wrap="nowrap">
          {file.type === "image" && here(file.url, window.location.origin).startsWith(window.location.origin) && (
            <Image src={here(file.url, window.location.origin)} alt="" w={32} h={32} fit="contain" loading="lazy" />
          )}
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {file.name}
          </Text>
        </Group>
      ),
    },
    { key: "type", label: t("files.type"), wide: true, cell: (file) => file.content_type },
    { key: "size", label: t("files.size"), numbers: true, cell: (file) => format.bytes(file.size) },
  ];
}

interface Props {
  label: string;
  /** Pictures alone. */
  pictures?: boolean;
  /** What of files is taken where this one goes. */
  hint?: ReactNode;
  done: (file: File) => void;
}

/** A button by which one of the uploaded files is chosen, or another uploaded. */
export function Choose({ label, pictures = false, hint, done }: Props) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const chosen = (file: File) => {
    setOpened(false);
    done(file);
  };
  return (
    <>
      <Button variant="default" onClick={() => setOpened(true)}>
        {label}
      </Button>
      <Modal opened={opened} onClose={() => setOpened(false)} size="xl" title={label} closeButtonProps={{ "aria-label": t("common.close") }}>
        <Stack gap="sm">
          {hint && (
            <Text size="sm" component="div">
              {hint}
            </Text>
          )}
          <Upload label={t(pictures ? "mail.upload" : "mail.uploadFile")} pictures={pictures} done={chosen} />
          <Shelf pictures={pictures} choose={chosen} />
        </Stack>
      </Modal>
    </>
  );
}

function Shelf({ pictures, choose }: { pictures: boolean; choose: (file: File) => void }) {
  const { t } = useTranslation();
  const columns = useFileColumns();
  const list = api.useInfiniteQuery("get", "/v1/media", { params: { query: { limit: 100 } } }, pages);
  const all = list.data?.pages.flatMap((page) => page.items ?? []);
  return (
    <Rows<File>
      label={t("files.title")}
      rows={pictures ? all?.filter((file) => file.type === "image") : all}
      id={(file) => file.id}
      error={list.error}
      more={{ has: list.hasNextPage, busy: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
      empty={<Empty title={t("files.none")}>{t("files.noneToChoose")}</Empty>}
      columns={[
        ...columns,
        {
          key: "choose",
          label: t("common.actions"),
          cell: (file) => (
            <Button size="compact-xs" aria-label={t("files.chooseNamed", { name: file.name })} onClick={() => choose(file)}>
              {t("files.choose")}
            </Button>
          ),
        },
      ]}
    />
  );
}
