// Journeys by the keyboard alone: what they do with a mouse otherwise (click, fill, check, choose, upload) goes by keys as
// somebody has them who has no mouse. Whatever the keyboard does not lead to ends the walk.
const most = 600; // keys on the way to something

// What has the focus for an element: itself, the control that it names, or what it stands in.
const focusable = (e) => {
  const control = e.closest("label")?.control ?? e.closest("a[href], button, input, select, textarea, summary, [tabindex], [contenteditable=true], [role=option], [role^=menuitem]");
  return control ?? e;
};

// How the focus gets on to an element: the key to press, or nothing where it is there; undefined where the page was drawn
// anew without it.
const way = (e) => {
  if (!e.isConnected) return undefined;
  const at = document.activeElement;
  if (at === e) return "";
  if (e.matches("[role=option]")) return e.hasAttribute("data-combobox-selected") || e.getAttribute("aria-selected") === "true" && e.matches(":focus") ? "" : "ArrowDown";
  if (e.matches("[role^=menuitem]")) return "ArrowDown";
  // Of tabs and radio buttons one is a stop of the tab key, and arrows lead to the others.
  const roving = (role) => at.matches(role) && e.matches(role) && (at.closest("[role=tablist]") ?? at.name) === (e.closest("[role=tablist]") ?? e.name);
  if (roving("[role=tab]") || roving("[type=radio]")) return at.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING ? "ArrowRight" : "ArrowLeft";
  if (at !== document.body) return at.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_PRECEDING ? "Shift+Tab" : "Tab";
  // From nowhere, what is near the end is reached from there.
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex]")];
  return all.indexOf(e) > all.length / 2 ? "Shift+Tab" : "Tab";
};

const drawn = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));

// Leads the focus to what a locator finds. What is drawn anew meanwhile, or can't be used yet, is looked for again.
async function reach(locator) {
  await locator.waitFor();
  const page = locator.page();
  let target = await locator.evaluateHandle(focusable);
  for (let i = 0; i < most; i++) {
    const key = await target.evaluate(way);
    if (key) {
      await page.keyboard.press(key);
      continue;
    }
    await page.evaluate(drawn);
    if ((await target.evaluate(way)) === "") return target;
    target = await locator.evaluateHandle(focusable);
  }
  throw new Error(`the keyboard does not lead to ${locator}`);
}

async function press(locator) {
  const target = await reach(locator);
  const key = await target.evaluate((e) => {
    if (e.matches("[type=radio]")) return e.checked ? "" : "Space"; // the arrow that led there may have chosen it
    if (e.matches("[role=tab]")) return e.getAttribute("aria-selected") === "true" ? "" : "Enter";
    if (e.matches("[type=checkbox]")) return "Space";
    if (e.matches("[role=combobox], [aria-haspopup=listbox]")) return e.getAttribute("aria-expanded") === "true" ? "" : "ArrowDown";
    return e.matches("input, textarea, [contenteditable=true]") ? "" : "Enter";
  });
  if (key) await locator.page().keyboard.press(key);
}

// The keys for a day or a time: fields of the browser have a place for each of their parts.
function parts(type, text) {
  const [, year, month, day, hours, minutes] = /^(?:(\d{4})-(\d\d)-(\d\d))?T?(?:(\d\d):(\d\d))?/.exec(text);
  const date = [month, day, year];
  const time = hours ? [String(hours % 12 || 12).padStart(2, "0"), minutes, hours < 12 ? "A" : "P"] : [];
  return { date, time, "datetime-local": [...date, "ArrowRight", ...time] }[type];
}

async function fill(locator, text) {
  const target = await reach(locator);
  const { keyboard } = locator.page();
  const type = await target.evaluate((e) => e.type);
  const dated = parts(type, text);
  if (dated) {
    for (const part of dated) await (part.startsWith("Arrow") ? keyboard.press(part) : keyboard.type(part));
    return;
  }
  await keyboard.press("Control+a");
  await (text === "" ? keyboard.press("Delete") : keyboard.type(text));
}

async function selectOption(locator, wanted) {
  const target = await reach(locator);
  const { keyboard } = locator.page();
  const steps = await target.evaluate((e, wanted) => {
    const { label = undefined, value = typeof wanted === "string" ? wanted : undefined } = typeof wanted === "string" ? {} : wanted;
    const options = [...e.options].filter((o) => !o.disabled);
    const found = options.findIndex((o) => (label === undefined ? o.value === value || o.label === value : o.label === label));
    return found < 0 ? undefined : found - options.indexOf(e.selectedOptions[0]);
  }, wanted);
  if (steps === undefined) throw new Error(`${locator} has no ${JSON.stringify(wanted)}`);
  await keyboard.press("Alt+ArrowDown");
  for (let i = 0; i < Math.abs(steps); i++) await keyboard.press(steps > 0 ? "ArrowDown" : "ArrowUp");
  await keyboard.press("Enter");
}

// Opens the button that belongs to an input for files, and gives it some.
async function setInputFiles(locator, files) {
  const page = locator.page();
  const button = locator.locator("xpath=preceding::button[1] | following::button[1]").last();
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), press(button)]);
  await chooser.setFiles(files);
}

/** Has all pages of a browser used by the keyboard alone. */
export function byKeyboard(page) {
  Object.assign(Object.getPrototypeOf(page.locator("html")), {
    click() {
      return press(this);
    },
    async check() {
      if (!(await this.isChecked())) await press(this);
    },
    async uncheck() {
      if (await this.isChecked()) await press(this);
    },
    fill(text) {
      return fill(this, text);
    },
    selectOption(wanted) {
      return selectOption(this, wanted);
    },
    setInputFiles(files) {
      return setInputFiles(this, files);
    },
  });
}
