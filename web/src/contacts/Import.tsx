import { Alert, Button, Card, FileInput, Group, List, Select, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { Failure } from "@/ui/Failure";
import { ButtonLink } from "@/ui/links";
import { Page } from "@/ui/Page";

import { Bar, Counts, Faults, over, useProgress } from "./UploadParts";

type Upload = Schema<"Upload">;

interface Options {
  dates: string;
  decimal: string;
  country: string;
}

/** Takes people in from a file. */
export default function Import() {
  const { t } = useTranslation();
  return (
    <Page title={t("import.title")} within={{ label: t("contacts.title"), to: "/contacts" }}>
      <Intake />
    </Page>
  );
}

/** The steps of it: first the file is only looked at, and what would come of it is shown. What was taken in may be chosen for something. */
export function Intake({ choose }: { choose?: (upload: Upload) => void }) {
  const { t } = useTranslation();
  const [file, setFile] = useState<File | null>(null);
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const [options, setOptions] = useState<Options>({ dates: "", decimal: "", country: "" });
  const [trial, setTrial] = useState<Upload>();
  const [upload, setUpload] = useState<Upload>();
  const [error, setError] = useState<unknown>(null);
  const trying = useProgress(trial);
  const taking = useProgress(upload);

  const send = async (what: File, how: { mapping: Record<string, string>; options: Options }, dry: boolean) => {
    setError(null);
    const { dates, decimal, country } = how.options;
    const said = {
      ...(dates ? { dates } : {}),
      ...(decimal ? { decimal } : {}),
      ...(country ? { default_country: country.toUpperCase() } : {}),
      ...(dry ? { dry_run: true } : {}),
    };
    const body = new FormData();
    if (Object.keys(how.mapping).length > 0) body.set("mapping", JSON.stringify(how.mapping));
    body.set("options", JSON.stringify(said));
    body.set("file", what);
    try {
      const { data } = await client.POST("/v1/contacts/import", { body: body as never, bodySerializer: () => body });
      if (dry) setTrial(data);
      else setUpload(data);
    } catch (e) {
      setError(e);
    }
  };
  const look = (change: { file?: File | null; mapping?: Record<string, string>; options?: Options }) => {
    const next = { file, mapping, options, ...change };
    if (change.file !== undefined) setFile(change.file);
    setMapping(next.mapping);
    setOptions(next.options);
    setTrial(undefined);
    if (next.file) void send(next.file, next, true);
  };

  return (
    <Stack maw="56rem">
      {!taking && (
        <>
          <FileInput
            label={t("import.file")}
            description={t("import.fileHint")}
            accept=".csv,.tsv,.txt,text/csv"
            value={file}
            onChange={(chosen) => look({ file: chosen, mapping: {} })}
            clearable
            clearButtonProps={{ "aria-label": t("common.clear") }}
          />
          <Group align="flex-end">
            <TextInput
              label={t("import.country")}
              description={t("import.countryHint")}
              maxLength={2}
              value={options.country}
              onChange={(e) => look({ options: { ...options, country: e.currentTarget.value.trim() } })}
            />
            <Select
              label={t("import.dates")}
              description={t("import.datesHint")}
              clearable
              clearButtonProps={{ "aria-label": t("common.clear") }}
              data={["dmy", "mdy", "ymd"].map((value) => ({ value, label: t(`import.date.${value as "dmy" | "mdy" | "ymd"}`) }))}
              value={options.dates || null}
              onChange={(value) => look({ options: { ...options, dates: value ?? "" } })}
            />
          </Group>
        </>
      )}
      <Failure error={error} />
      {!taking && trying && !over(trying) && <Bar upload={trying} words={t("import.looking")} />}
      {!taking && trying && over(trying) && (
        <>
          <Found upload={trying} mapping={mapping} leaveOut={(column) => look({ mapping: { ...mapping, [column]: "-" } })} />
          {trying.state === "finished" && file && (
            <Group>
              <Button onClick={() => void send(file, { mapping, options }, false)} disabled={trying.created + trying.updated === 0}>
                {t("import.take", { count: trying.created + trying.updated })}
              </Button>
            </Group>
          )}
        </>
      )}
      {taking && !over(taking) && <Bar upload={taking} words={t("import.taking")} />}
      {taking && over(taking) && <Taken upload={taking} choose={choose} />}
    </Stack>
  );
}

/** What a look at the file has found out. */
function Found({ upload, mapping, leaveOut }: { upload: Upload; mapping: Record<string, string>; leaveOut: (column: string) => void }) {
  const { t } = useTranslation();
  if (upload.state === "failed") {
    return (
      <Alert color="red" title={t("import.failed")} role="alert">
        {upload.error}
      </Alert>
    );
  }
  return (
    <Card withBorder component="section">
      <Stack gap="sm">
        <Title order={2} size="h4">
          {t("import.would")}
        </Title>
        <Counts upload={upload} />
        {Object.keys(mapping).length > 0 && <Text size="sm">{t("import.leftOut", { columns: Object.keys(mapping).join(", ") })}</Text>}
        {(upload.notices ?? []).length > 0 && (
          <List size="sm">
            {(upload.notices ?? []).map((notice) => (
              <List.Item key={notice}>{notice}</List.Item>
            ))}
          </List>
        )}
        <Faults
          upload={upload}
          actions={({ column }) =>
            column !== undefined &&
            !(column in mapping) && (
              <Button size="compact-xs" variant="default" onClick={() => leaveOut(column)}>
                {t("import.leaveOut")}
              </Button>
            )
          }
        />
        {(upload.preview ?? []).length > 0 && (
          <Table aria-label={t("import.preview")} verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("contacts.name")}</Table.Th>
                <Table.Th>{t("contacts.addresses")}</Table.Th>
                <Table.Th>{t("import.values")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {(upload.preview ?? []).map((person, i) => (
                <Table.Tr key={i}>
                  <Table.Td>{person.name || [person.first_name, person.last_name].filter(Boolean).join(" ")}</Table.Td>
                  <Table.Td>{Object.values(person.addresses ?? {}).join(", ")}</Table.Td>
                  <Table.Td>
                    {[...Object.entries(person.attributes ?? {}), ...Object.entries(person.row ?? {})]
                      .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
                      .join(", ")}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Stack>
    </Card>
  );
}

/** What came of it, and what can be done next. */
function Taken({ upload, choose }: { upload: Upload; choose: ((upload: Upload) => void) | undefined }) {
  const { t } = useTranslation();
  if (upload.state === "failed") {
    return (
      <Alert color="red" title={t("import.failed")} role="alert">
        {upload.error}
      </Alert>
    );
  }
  return (
    <Alert color={upload.refused + upload.incomplete > 0 ? "orange" : "green"} title={t("import.done")} role="status">
      <Stack gap="sm">
        <Counts upload={upload} />
        <Group>
          {choose ? (
            <Button size="xs" onClick={() => choose(upload)}>
              {t("import.choose")}
            </Button>
          ) : (
            <>
              <ButtonLink to="/campaigns/new" size="xs">
                {t("import.write")}
              </ButtonLink>
              <ButtonLink to="/contacts" size="xs" variant="default">
                {t("contacts.title")}
              </ButtonLink>
              <ButtonLink to="/uploads/$id" params={{ id: String(upload.id) }} size="xs" variant="default">
                {t("uploads.look")}
              </ButtonLink>
            </>
          )}
          {upload.refused + upload.incomplete > 0 && (
            <Button size="xs" variant="default" component="a" href={`/v1/uploads/${upload.id}/errors.csv`} download>
              {t("import.errors")}
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}
