import { Group, Stack, TextInput, type TextInputProps } from "@mantine/core";
import { useRef } from "react";

import { Insert } from "./Insert";

interface Props extends Omit<TextInputProps, "value" | "onChange"> {
  value: string;
  change: (value: string) => void;
}

/** A line of text into which names can be inserted where one was. */
export function Line({ value, change, ...props }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const put = (liquid: string) => {
    const at = field.current?.selectionStart ?? value.length;
    change(value.slice(0, at) + liquid + value.slice(at));
    field.current?.focus();
  };
  return (
    <Stack gap={4}>
      <TextInput {...props} ref={field} value={value} onChange={(e) => change(e.currentTarget.value)} />
      <Group>
        <Insert put={put} />
      </Group>
    </Stack>
  );
}
