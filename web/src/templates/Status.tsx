import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";

const colors = { draft: "gray.7", pending: "cyan.9", approved: "green.9", rejected: "red", paused: "orange.9", disabled: "red" } as const;
type State = keyof typeof colors;

/** What the provider of a channel says of a template. */
export function Status({ state }: { state: string }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={colors[state as State]} miw="max-content">
      {t(`templates.states.${state as State}`)}
    </Badge>
  );
}
