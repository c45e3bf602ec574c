import { describe, expect, it } from "vitest";

import { given, kept } from "./richtext";

describe("a text in the editor", () => {
  it.each(["Dear {{ contact.first_name | default: \"you > me\" }}, hi", "<p>One</p><p>{{ row.a }}</p>", '<p>a &lt; b <a href="{{ unsubscribe_url }}">{{ a | default: "<" }}</a></p><p>x</p>'])("is kept as it was: %s", (html) => {
    expect(kept(given(html))).toBe(html);
  });

  it("is a line of its own without a paragraph around it", () => {
    expect(kept("<p>Hi <strong>Ada</strong></p>")).toBe("Hi <strong>Ada</strong>");
    expect(kept("<p>Hi</p><p>Ada</p>")).toBe("<p>Hi</p><p>Ada</p>");
    expect(kept("<ul><li><p>Hi</p></li></ul>")).toBe("<ul><li><p>Hi</p></li></ul>");
  });
});
