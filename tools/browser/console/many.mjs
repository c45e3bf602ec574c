// Very many contacts, which "watch" writes to.
import assert from "node:assert/strict";

import { known, to } from "./person.mjs";

const wanted = to.contacts;
const rate = (n) => Math.round(n).toLocaleString("en");

export const steps = {
  async "many come in"() {
    const { context, page } = known.first;
    const lines = ["email,first_name"];
    for (let i = 0; i < wanted; i++) lines.push(`person${String(i).padStart(7, "0")}@crowd.example,Person ${i}`);
    const began = Date.now();
    const answer = await context.request.post(to.base + "/v1/contacts/import", {
      multipart: { file: { name: "crowd.csv", mimeType: "text/csv", buffer: Buffer.from(lines.join("\n")) } },
      headers: { Origin: to.base },
      timeout: 120_000,
    });
    assert.equal(answer.status(), 202, await answer.text());
    const { id } = await answer.json();
    for (let state = "queued"; state !== "finished"; ) {
      await page.waitForTimeout(500);
      const upload = await (await context.request.get(`${to.base}/v1/uploads/${id}`)).json();
      assert.notEqual(upload.state, "failed", upload.error);
      state = upload.state;
    }
    return `${rate(wanted)} in ${((Date.now() - began) / 1000).toFixed(0)} s`;
  },
};
