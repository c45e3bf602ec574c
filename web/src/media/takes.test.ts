import { describe, expect, it } from "vitest";

import { takes } from "./takes";

const sorts = ["image", "video", "audio", "voice", "document"] as const;
const MB = 1_000_000;

describe("what a provider takes", () => {
  it("is said once where it is the same of every type", () => {
    expect(takes({ files: sorts.map((type) => ({ type, max_bytes: 7 * MB })) }, "email")).toEqual([{ sort: "any", bytes: 7 * MB }]);
  });

  it("is said by type where it differs, and of the kind of address alone", () => {
    const files = [
      { type: "image" as const, max_bytes: 5 * MB },
      { type: "document" as const, max_bytes: 100 * MB },
      { type: "image" as const, address: "sms", max_bytes: 600_000 },
      { type: "video" as const },
    ];
    expect(takes({ files }, "whatsapp")).toEqual([
      { sort: "image", bytes: 5 * MB },
      { sort: "document", bytes: 100 * MB },
    ]);
  });

  it("is nothing where nobody says", () => {
    expect(takes({}, "email")).toEqual([]);
  });
});
