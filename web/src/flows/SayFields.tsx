import { Checkbox, Fieldset, NativeSelect, NumberInput, Stack, TextInput, Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { ContentSection } from "@/campaigns/Content";
import { formOf, inputOf } from "@/campaigns/form";

import type { FieldProps } from "./fields";

/** What a step says, on which channel. */
export function SayFields({ step, set, problem, channel }: FieldProps & { channel: number }) {
  const { t } = useTranslation();
  const channels = api.useQuery("get", "/v1/channels", { params: { query: { limit: 500 } } }).data?.items ?? [];
  const providers = api.useQuery("get", "/v1/providers", {}, { staleTime: Infinity });
  const one = channels.find((c) => c.id === (step.channel_id || channel));
  const can = providers.data?.items?.find((p) => p.name === one?.provider)?.can;
  const form = formOf({ name: "", channel_id: channel, audience: {}, content: step.content ?? {}, schedule: {}, throttle: {} });
  return (
    <Stack gap="sm">
      <NativeSelect
        label={t("editor.channel")}
        value={String(step.channel_id || "")}
        error={problem?.at("channel_id")}
        onChange={(e) => set({ channel_id: Number(e.currentTarget.value) })}
        data={[{ value: "", label: t("flow.itsChannel") }, ...channels.map((c) => ({ value: String(c.id), label: `${c.name} (${c.provider})` }))]}
      />
      <ContentSection
        form={form}
        set={(change) => set({ content: inputOf({ ...form, ...change }).content ?? {} }, Object.keys(change).join())}
        problem={problem}
        address={one?.address ?? ""}
        can={can}
      />
    </Stack>
  );
}

const types: Schema<"Question">["type"][] = ["text", "number", "date", "email", "phone", "choice", "location", "file"];

/** Which answer is expected, and for how long. */
export function QuestionFields({ step, set, problem }: FieldProps) {
  const { t } = useTranslation();
  const q = step.question ?? { type: "text", timeout: "" };
  const properties = api.useQuery("get", "/v1/properties").data?.items ?? [];
  const put = (by: Partial<Schema<"Question">>, what?: string) => set({ question: { ...q, ...by } }, what && `question.${what}`);
  const { retry, ...without } = q;
  return (
    <Fieldset legend={t("flow.question")}>
      <Stack gap="xs">
        <NativeSelect
          label={t("flow.answerType")}
          value={q.type}
          error={problem?.at("question.type")}
          onChange={(e) => put({ type: types.find((one) => one === e.currentTarget.value) ?? "text" })}
          data={types.map((value) => ({ value, label: t(`flow.type.${value}`) }))}
        />
        <TextInput
          label={t("flow.rule")}
          description={t("flow.ruleHint")}
          value={q.rule ?? ""}
          error={problem?.at("question.rule")}
          onChange={(e) => put({ rule: e.currentTarget.value }, "rule")}
        />
        {q.type === "phone" && (
          <TextInput label={t("import.country")} value={q.country ?? ""} error={problem?.at("question.country")} onChange={(e) => put({ country: e.currentTarget.value }, "country")} />
        )}
        <TextInput
          label={t("flow.answerTime")}
          description={t("flow.durationHint")}
          value={q.timeout}
          error={problem?.at("question.timeout")}
          onChange={(e) => put({ timeout: e.currentTarget.value }, "timeout")}
        />
        <NumberInput
          label={t("flow.tries")}
          min={1}
          max={10}
          value={q.tries ?? ""}
          placeholder="3"
          error={problem?.at("question.tries")}
          onChange={(v) => put({ tries: Number(v) || 0 }, "tries")}
        />
        <NativeSelect
          label={t("flow.write")}
          value={q.write ?? ""}
          error={problem?.at("question.write")}
          onChange={(e) => put({ write: e.currentTarget.value })}
          data={[{ value: "", label: t("flow.writeNowhere") }, ...properties.map((p) => p.key)]}
        />
        <Checkbox
          label={t("flow.retry")}
          checked={retry !== undefined}
          onChange={(e) => set({ question: e.currentTarget.checked ? { ...without, retry: { subject: step.content?.subject ?? "", text: "" } } : without })}
        />
        {retry && (
          <>
            <TextInput
              label={t("flow.retrySubject")}
              value={retry.subject ?? ""}
              error={problem?.at("question.retry.subject")}
              onChange={(e) => put({ retry: { ...retry, subject: e.currentTarget.value } }, "retry.subject")}
            />
            <Textarea
              label={t("flow.retryText")}
              autosize
              value={retry.text ?? ""}
              error={problem?.at("question.retry.text")}
              onChange={(e) => put({ retry: { ...retry, text: e.currentTarget.value } }, "retry.text")}
            />
          </>
        )}
      </Stack>
    </Fieldset>
  );
}
