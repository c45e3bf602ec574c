import { Button, Group, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { Part } from "@/ui/Part";
import { When } from "@/ui/When";

import { textOf } from "./values";

interface Props {
  contact: Schema<"Contact">;
  edit: (() => void) | undefined;
}

/** What is known of a contact: its fields, its addresses, its values of properties. */
export function Facts({ contact: c, edit }: Props) {
  const { t } = useTranslation();
  const properties = api.useQuery("get", "/v1/properties").data?.items ?? [];
  const labelOf = (key: string) => properties.find((p) => p.key === key)?.label || key;
  const facts: [string, string | undefined][] = [
    [t("contacts.fields.external_id"), c.external_id],
    [t("contacts.fields.first_name"), c.first_name],
    [t("contacts.fields.last_name"), c.last_name],
    [t("contacts.fields.language"), c.language],
    [t("contacts.fields.timezone"), c.timezone],
    ...Object.entries(c.addresses),
    ...Object.entries(c.attributes).map(([key, value]): [string, string] => [labelOf(key), textOf(value)]),
  ];
  return (
    <Part title={t("contacts.facts")}>
      <Table verticalSpacing={4}>
        <Table.Tbody>
          {facts
            .filter(([, value]) => value)
            .map(([label, value]) => (
              <Table.Tr key={label}>
                <Table.Th scope="row">{label}</Table.Th>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{value}</Table.Td>
              </Table.Tr>
            ))}
        </Table.Tbody>
      </Table>
      <Text size="sm" c="dimmed">
        {t("contacts.since")} <When at={c.created_at} />
      </Text>
      {edit && (
        <Group mt="sm">
          <Button size="xs" variant="default" onClick={edit}>
            {t("contacts.edit")}
          </Button>
        </Group>
      )}
    </Part>
  );
}
