// Walks through the console in Debian's Chromium, as people do who make newsletters. It takes a
// JSON object with the server's address, the first person's link, a viewer, the journeys to make in
// their order, and a folder for pictures, if any are wanted. Each journey is a file of console/. It
// prints what it saw, a line for each step; whatever is not as it should be ends it with an error.
import { browser, known, picture, to } from "./console/person.mjs";

for (const journey of to.journeys) {
  const { steps } = await import(`./console/${journey}.mjs`);
  for (const [step, go] of Object.entries(steps)) {
    const began = performance.now();
    const said = await go().catch(async (e) => {
      await picture("failed");
      throw new Error(`${journey}: ${step}: ${e.stack}\n${await known.first.page.locator("body").innerText()}`);
    });
    console.log(`${[journey, step, said].filter(Boolean).join(": ")} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  }
}
await browser.close();
