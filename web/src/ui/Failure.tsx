import { Alert, Button, Code, List, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { Problem } from "@/api/problem";

interface Props {
  error: unknown;
  /** Fields that show what is wrong with them beside them. */
  fields?: string[];
  again?: (() => void) | undefined;
}

/** Says why something was not done, and what to do. Nothing where nothing failed. */
export function Failure({ error, fields = [], again }: Props) {
  const { t } = useTranslation();
  if (error === null || error === undefined) return null;
  const problem = error instanceof Problem ? error : undefined;
  const rest = problem?.besides(...fields) ?? [];
  const words = problem ? (problem.status === 0 ? t("failure.unreachable") : problem.detail) : error instanceof Error ? error.message : t("failure.title");
  return (
    <Alert color="red" title={t("failure.title")} role="alert">
      <Text size="sm">{words}</Text>
      {rest.length > 0 && (
        <List size="sm">
          {rest.map((line) => (
            <List.Item key={line}>{line}</List.Item>
          ))}
        </List>
      )}
      {problem && problem.status >= 500 && problem.requestID && (
        <Text size="sm">
          {t("failure.request")} <Code>{problem.requestID}</Code>
        </Text>
      )}
      {again && (
        <Button size="xs" mt="xs" variant="default" onClick={again}>
          {t("failure.again")}
        </Button>
      )}
    </Alert>
  );
}
