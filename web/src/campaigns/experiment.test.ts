import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { experimentInput, experimentOf, mostVariants, noExperiment, oneMore, type VariantForm } from "./experiment";

const kept: Schema<"Experiment">[] = [
  {},
  { holdout: 10 },
  { variants: [{ name: "A" }, { name: "B", content: { subject: "Tulips" } }] },
  { variants: [{ name: "A", share: 30 }, { name: "B", share: 70, content: { text: "Roses", html: "<p>Roses</p>", buttons: [{ type: "link", caption: "Buy", info: "https://example.org" }] } }] },
  { variants: [{ name: "A" }, { name: "B" }], test_share: 20, winner: { by: "clicked", after: "4h", until: "24h", confidence: 90, otherwise: "take the leader" } },
  { variants: [{ name: "A" }, { name: "B" }], test_share: 20, winner: { by: "person" }, holdout: 5 },
];

it("gives back what the server has, also what the page does not show", () => {
  for (const experiment of kept) expect(experimentInput(experimentOf(experiment))).toEqual(experiment);
});

it("says nothing where nothing is tried out", () => {
  expect(experimentInput(noExperiment)).toEqual({});
  expect(experimentInput({ ...noExperiment, testShare: "20" })).toEqual({});
});

it("begins with the campaign's own content and another, each named by a letter that is free", () => {
  const content = { subject: "Spring", text: "Tulips", html: "<p>Tulips</p>" };
  let variants: VariantForm[] = [];
  for (let n = 2; n <= mostVariants; n++) {
    variants = oneMore(variants, content);
    expect(new Set(variants.map((v) => v.name)).size).toBe(n);
  }
  expect(oneMore(variants.filter((v) => v.name !== "B"), content).at(-1)?.name).toBe("B");
  const made = experimentInput({ ...noExperiment, variants }).variants ?? [];
  expect(made[0]).toEqual({ name: "A" });
  expect(made[1]).toEqual({ name: "B", content });
});
