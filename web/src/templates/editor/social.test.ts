import { expect, it } from "vitest";

import { htmlOf, placesOf } from "./social";

it("places come back as they were", () => {
  for (const places of [[], [{ name: "Mastodon & co", address: "https://a.example/?a=1&b=2" }], [{ name: "", address: "" }, { name: "{{ account.name }}", address: "https://b.example" }]]) {
    expect(placesOf(htmlOf(places))).toEqual(places);
  }
  expect(placesOf("<p>See <a href=\"x\">us</a></p>")).toBeUndefined();
});
