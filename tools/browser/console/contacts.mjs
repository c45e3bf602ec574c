// Contacts and what they are in: lists, properties, suppressions, uploads, replies, and what is done to many.
import assert from "node:assert/strict";

import { ask, at, button, heading, known, look, picture, to } from "./person.mjs";

const dialog = () => known.first.page.getByRole("dialog");

// Whoever the journey is about; it erases and merges them in the end.
const people = [
  { first_name: "Mary", last_name: "Somerville", addresses: { email: "mary@people.example" } },
  { first_name: "Emmy", last_name: "Noether", addresses: { email: "emmy@people.example" } },
  { first_name: "Emmy", addresses: { email: "noether@people.example", phone: "+4915112345699" } },
];
const ids = [];

export const steps = {
  async "a group, two people put in at once, one taken out"() {
    const { page } = known.first;
    await at("/contacts");
    for (const person of people) ids.push((await ask(page, "POST", "/v1/contacts", person)).id);
    await at("/lists");
    await heading("Lists");
    await page.getByLabel("New group").fill("Mathematicians");
    await button("Make the group").click();
    await page.getByRole("link", { name: "Mathematicians" }).waitFor();
    await at("/contacts?q=people.example");
    await page.getByText("3 contacts").waitFor();
    await page.getByLabel("Choose Mary Somerville").check();
    await page.getByLabel("Choose Emmy Noether").check();
    await page.getByText("2 are chosen.").waitFor();
    await button("Change the chosen").click();
    await dialog().getByLabel("List", { exact: true }).selectOption({ label: "Mathematicians" });
    await dialog().getByText("It is about 2 contacts.").waitFor();
    await picture("contacts-bulk");
    await dialog().getByRole("button", { name: "Do it to 2" }).click();
    await page.getByText("2 of 2 done, 2 changed.").waitFor();
    // How far it is stands in the address, and so survives a reload.
    await page.reload();
    await page.getByText("2 of 2 done, 2 changed.").waitFor();
    await at(`/contacts/${ids[0]}`);
    await page.getByRole("link", { name: "Mathematicians" }).click();
    await heading("Mathematicians");
    await page.getByRole("heading", { name: "2 members" }).waitFor();
    known.pages.push(new URL(page.url()).pathname);
    await page.goBack();
    await button("Take out of Mathematicians").click();
    await page.getByText("It is in no list.").waitFor();
  },
  async "a property is made, and set of one and of all that a search finds"() {
    const { page } = known.first;
    await at("/properties");
    await button("Make a property").click();
    await page.getByLabel("Key").fill("Field of work");
    await page.getByLabel("Type").selectOption({ label: "Word" });
    await button("Save").click();
    await page.getByRole("alert").waitFor(); // a key has no spaces
    await page.getByLabel("Key").fill("field");
    await button("Save").click();
    await page.getByRole("row", { name: /field/ }).waitFor();
    await at(`/contacts/${ids[0]}`);
    await button("Edit").click();
    await page.getByLabel("field").fill("algebra");
    await page.getByLabel("email").fill("no address");
    await button("Save").click();
    await page.getByRole("alert").waitFor();
    assert.notEqual(await page.getByLabel("email").getAttribute("aria-invalid"), null, "what is wrong stands at its field");
    await page.getByLabel("email").fill("mary@people.example");
    await button("Save").click();
    await page.getByRole("row", { name: "field algebra" }).waitFor();
    await at("/contacts?q=people.example");
    await button("Choose all that were found").click();
    await button("Change the chosen").click();
    await dialog().getByLabel("What to do").selectOption({ label: "Set a property" });
    await dialog().getByLabel("Property", { exact: true }).selectOption("field");
    await dialog().getByLabel("Value", { exact: true }).fill("geometry");
    await dialog().getByRole("button", { name: "Do it to 3" }).click();
    await page.getByText("3 of 3 done, 3 changed.").waitFor();
    assert.equal((await ask(page, "GET", `/v1/contacts/${ids[1]}`)).attributes.field, "geometry");
    // Nobody else has it.
    const { items } = await ask(page, "GET", "/v1/contacts?limit=500");
    assert.equal(items.filter((c) => c.attributes.field).length, 3);
    await at("/jobs");
    await page.getByRole("row", { name: /Set a property · field Finished 3 \/ 3/ }).waitFor();
    await at("/properties");
    await button("Delete field").click();
    await dialog().getByText("3 contacts have a value.").waitFor();
    await dialog().getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("No properties yet").waitFor();
  },
  async "an address is suppressed, found, and lifted"() {
    const { page } = known.first;
    await at("/suppressions");
    await button("Suppress an address").click();
    await page.getByRole("textbox", { name: "Address", exact: true }).fill("nonsense");
    await button("Never write there again").click();
    await page.getByText(/is no|is not/).first().waitFor();
    await page.getByRole("textbox", { name: "Address", exact: true }).fill("gone@people.example");
    await page.getByLabel("Reason").fill("moved away");
    await button("Never write there again").click();
    await page.getByRole("row", { name: /gone@people.example/ }).waitFor();
    await page.getByLabel("A part of an address").fill("people.ex");
    await page.waitForURL(/q=people/);
    await button("Lift gone@people.example").click();
    await dialog().getByRole("button", { name: "Lift", exact: true }).click();
    await page.getByText("No suppressed address is like that").waitFor();
  },
  async "what is wrong in a file is shown in place"() {
    const { page } = known.first;
    await at("/contacts/import");
    const file = "email,first_name,phone\nsophie@people.example,Sophie,12\nnobody,Nobody,\n";
    await page.locator("input[type=file]").setInputFiles({ name: "wrong.csv", mimeType: "text/csv", buffer: Buffer.from(file) });
    await button("Take 1 person in").click();
    await page.getByRole("link", { name: "Look at the upload" }).click();
    await heading("wrong.csv");
    await page.getByRole("row", { name: /^3 email nobody/ }).waitFor();
    await page.getByRole("link", { name: "Upload the corrected file" }).waitFor();
    await page.getByRole("link", { name: "Sophie" }).waitFor();
    known.pages.push(new URL(page.url()).pathname);
    await at("/uploads");
    await page.getByRole("link", { name: "wrong.csv" }).first().waitFor();
  },
  async "two are merged, and one is erased, after it was shown what that does"() {
    const { page } = known.first;
    await at(`/contacts/${ids[1]}`);
    await button("Merge").click();
    await dialog().getByLabel("The other contact").fill("noether@people");
    await page.getByRole("option", { name: /noether@people.example/ }).click();
    await dialog().getByText("Moves here: phone: +4915112345699").waitFor();
    await dialog().getByText("Stays with the deleted one: email: noether@people.example").waitFor();
    await dialog().getByRole("button", { name: "Merge", exact: true }).click();
    await page.getByRole("row", { name: "phone +4915112345699" }).waitFor();
    await at(`/contacts/${ids[2]}`);
    await page.getByText("This contact became part of another").waitFor();
    await at(`/contacts/${ids[1]}`);
    await button("Erase").click();
    await dialog().getByText("What is emptied or removed, by table").waitFor();
    const erase = dialog().getByRole("button", { name: "Erase", exact: true });
    assert.equal(await erase.isDisabled(), true, "the name is typed first");
    await dialog().getByLabel("Type Emmy Noether to go on").fill("Emmy Noether");
    await erase.click();
    await heading("Contacts");
    await at("/contacts?q=emmy");
    await page.getByText("Nobody is like that").waitFor();
  },
  async "a long list is read as one scrolls, and its shortcuts lead about"() {
    const { page } = known.first;
    const lines = Array.from({ length: 450 }, (_, i) => `many${String(i).padStart(3, "0")}@crowd.example`);
    await at("/contacts/import");
    await page.locator("input[type=file]").setInputFiles({ name: "crowd.csv", mimeType: "text/csv", buffer: Buffer.from(["email", ...lines].join("\n")) });
    await button("Take 450 people in").click();
    await page.getByText("The file is taken in").waitFor();
    await at("/contacts?q=crowd.example");
    const table = page.getByRole("table", { name: "Contacts" });
    await page.getByText("450 contacts").waitFor();
    assert.equal(await table.getAttribute("aria-rowcount"), "451");
    const there = () => table.getByRole("row").count();
    assert.ok((await there()) < 100, "what is out of sight is not there");
    // Who has scrolled stays where they are when rows become lower, and higher again. By the keys one passes the first rows on the way to
    // the menu, and is there.
    const place = () => page.evaluate(() => Number(document.elementFromPoint(400, 150)?.closest("tr")?.getAttribute("aria-rowindex")));
    await page.mouse.wheel(0, 6000);
    // While rows are drawn there is none at that place.
    let before = NaN;
    for (let i = 0; i < 100 && !(before >= 100); i++, await page.waitForTimeout(50)) before = await place();
    assert.ok(before >= 100, `row ${before}`);
    for (const density of to.keyboard ? [] : ["Dense", "Roomy"]) {
      await look("menuitemradio", density);
      // The menu covers the rows until it is gone.
      let row = NaN;
      for (let i = 0; i < 60 && !(Math.abs(row - before) <= 2); i++, await page.waitForTimeout(50)) row = await place();
      assert.ok(Math.abs(row - before) <= 2, `${density}: row ${row}, not ${before}`);
    }
    for (let i = 0; i < 40 && !(await page.getByRole("link", { name: "many449@crowd.example" }).count()); i++) {
      await page.mouse.wheel(0, 2000);
      await page.waitForTimeout(50);
    }
    const last = table.getByRole("row").filter({ hasText: "many449@crowd.example" });
    assert.equal(await last.getAttribute("aria-rowindex"), "451");
    assert.ok((await there()) < 100);
    // Back at where one was.
    await last.getByRole("link").click();
    await heading("many449@crowd.example");
    await page.goBack();
    await last.waitFor();
    await button("Choose all that were found").click();
    await button("Change the chosen").click();
    await dialog().getByLabel("What to do").selectOption({ label: "Delete" });
    await dialog().getByRole("button", { name: "Do it to 450" }).click();
    await page.getByText("450 of 450 done, 450 changed.").waitFor();
    await page.getByText("Nobody is like that").waitFor();
    await at("/");
    await heading("Home");
    await page.keyboard.press("g");
    await page.keyboard.press("l");
    await heading("Lists");
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await heading("Replies");
    await page.getByText("Nothing waits to be read").waitFor();
    known.pages.push("/lists", "/properties", "/uploads", "/suppressions", "/replies", "/jobs", "/contacts?q=ada");
  },
};
