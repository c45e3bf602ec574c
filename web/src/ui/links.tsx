// Links within the console that look like the components that they are.
import { Anchor, type AnchorProps, Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import { type AnchorHTMLAttributes, forwardRef } from "react";

type Element = AnchorHTMLAttributes<HTMLAnchorElement>;

const PlainAnchor = forwardRef<HTMLAnchorElement, AnchorProps & Omit<Element, keyof AnchorProps>>((props, ref) => <Anchor ref={ref} {...props} />);
PlainAnchor.displayName = "PlainAnchor";

const PlainButton = forwardRef<HTMLAnchorElement, ButtonProps & Omit<Element, keyof ButtonProps>>((props, ref) => <Button component="a" ref={ref} {...props} />);
PlainButton.displayName = "PlainButton";

/** Leads to another page, as words. */
export const TextLink = createLink(PlainAnchor);

/** Leads to another page, as a button. */
export const ButtonLink = createLink(PlainButton);
