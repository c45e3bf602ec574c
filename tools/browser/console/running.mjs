// Two browsers, and a server that is restarted under an open page.

import { ask, at, button, heading, known, signIn, to, visitor } from "./person.mjs";

export const steps = {
  async "the server is restarted under an open page"() {
    const { page } = known.first;
    await at(known.newsletter);
    await page.getByText("live", { exact: true }).waitFor();
    await fetch(to.restart, { method: "POST" });
    await page.getByText("live", { exact: true }).waitFor({ timeout: 30_000 });
    await page.getByText("Finished").first().waitFor();
    await button("Prove it").click();
    await page.getByText("2 planned, 2 accounted for.").waitFor();
  },
  async "a sign-in that was ended elsewhere leads to the sign-in, and back"() {
    const { page, close } = await visitor();
    await page.goto(to.base + "/sign-in");
    await signIn(page, to.viewer);
    await heading("Home", page);
    await ask(page, "DELETE", "/v1/session");
    await page.getByRole("link", { name: "Contacts" }).click();
    await page.getByText(/You were signed out/).waitFor();
    await signIn(page, to.viewer);
    await heading("Contacts", page);
    await close();
  },
};
