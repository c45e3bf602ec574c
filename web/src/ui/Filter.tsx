import { Autocomplete, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";

import type { Asks } from "@/api/client";

import { matching, meant, type Offer } from "./offers";

const typing = 300; // ms after the last letter until the server is asked

interface Props<Answer> {
  label: string;
  placeholder?: string;
  /** What it filters by, as it stands in the address. */
  value: string | undefined;
  /** What that is called, where that is not the value. */
  name?: string | undefined;
  change: (value: string | undefined) => void;
  /** How it is asked what there is, such as by api.queryOptions; once the field has the focus, and as one types. */
  asks: (typed: string) => Asks<Answer>;
  offers: (answer: Answer) => Offer[];
}

/**
 * A filter that offers what there is as one types. What is chosen counts at once; what else is typed, once one goes on by
 * the Enter key or leaves the field, and nothing as soon as it is empty.
 */
export function Filter<Answer>({ label, placeholder, value, name, change, asks, offers }: Props<Answer>) {
  const [asked, setAsked] = useState(false);
  // What was typed since; undefined shows what it filters by.
  const [text, setText] = useState<string>();
  const chosen = useRef<string>(undefined);
  const [settled] = useDebouncedValue(text ?? "", typing);
  const answer = useQuery({ ...asks(settled.trim()), enabled: asked, placeholderData: keepPreviousData });
  const all = answer.data === undefined ? [] : offers(answer.data);
  const found = matching(all, text ?? "");
  const filter = (given: string | undefined) => {
    setText(undefined);
    if (given !== value) change(given);
  };
  const enter = () => {
    if (text !== undefined) filter(meant(all, text));
  };
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        enter();
      }}
    >
      <Autocomplete
        label={label}
        {...(placeholder ? { placeholder } : {})}
        type="search"
        value={text ?? name ?? value ?? ""}
        data={found.map((offer) => offer.value)}
        filter={({ options }) => options} // they match already
        renderOption={({ option }) => <Offered offer={found.find((offer) => offer.value === option.value)} />}
        onFocus={() => setAsked(true)}
        onChange={(now) => {
          // Of what was chosen it tells as if it had been typed, too.
          if (now === chosen.current) chosen.current = undefined;
          else if (now === "") filter(undefined);
          else setText(now);
        }}
        onOptionSubmit={(offer) => {
          chosen.current = offer;
          filter(offer);
        }}
        onBlur={enter}
      />
    </form>
  );
}

function Offered({ offer }: { offer: Offer | undefined }) {
  return (
    <span>
      {offer?.name ?? offer?.value}
      {offer?.hint && (
        <Text span size="xs" c="dimmed" ml={6}>
          {offer.hint}
        </Text>
      )}
    </span>
  );
}
