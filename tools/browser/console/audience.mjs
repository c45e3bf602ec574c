// People, and the lists that campaigns choose them by.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { at, button, heading, known, picture } from "./person.mjs";

export const steps = {
  async "an import with errors"() {
    const { page } = known.first;
    await at("/contacts/import");
    const file = "email,first_name,phone\nlinus@example.org,Linus,12\nmargaret@example.org,Margaret,+49 151 23456789\nnobody,Nobody,\n";
    await page.locator("input[type=file]").setInputFiles({ name: "more.csv", mimeType: "text/csv", buffer: Buffer.from(file) });
    await page.getByText(/^phone: /).waitFor();
    await picture("import");
    await page.getByText(/^phone: /).locator("xpath=ancestor::*[@role='alert'][1]").getByRole("button", { name: "Leave the column out" }).click();
    await page.getByText("Left out: phone").waitFor();
    await button("Take 2 people in").click();
    await page.getByText("The file is taken in").waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "What was refused, as CSV" }).click()]);
    assert.match(readFileSync(await download.path(), "utf8"), /nobody/);
    await page.getByRole("link", { name: "Contacts", exact: true }).last().click();
    await page.getByLabel("Name, address or id").fill("margaret");
    await page.getByRole("link", { name: "Margaret" }).click();
    await heading("Margaret");
    await picture("contact");
    await button("Do not write any more").click();
    await page.getByRole("dialog").getByRole("button", { name: "Do not write any more" }).click();
    await page.getByRole("cell", { name: "opt_out" }).waitFor();
  },
};
