// Holds what is said of sign-ins against Debian's Chromium, over the server's own TLS. It takes a
// JSON object with the server's address, a person, and two other origins: one of the same host
// (near), whose pages the browser sends the cookie for, and one of another (far). It prints what
// it saw, a line for each step; whatever is not as it should be ends it with an error.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const to = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath: to.chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"],
  // People's browsers have the cache by which "back" shows a page as it was.
  ignoreDefaultArgs: ["--disable-back-forward-cache"],
});
const own = "__Host-carillon";

// A browser that is nobody's yet, on a page of the server without a policy of its own.
async function visitor() {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(to.base + "/healthz");
  return { context, page, close: () => context.close() };
}

// What a script of a page is answered.
function ask(page, method, path, body) {
  return page.evaluate(async ([method, path, body]) => {
    const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {} });
    return { status: answer.status, cache: answer.headers.get("Cache-Control"), text: await answer.text() };
  }, [method, path, body]);
}

async function signIn(page) {
  const answer = await ask(page, "POST", "/v1/session", { email: to.email, password: to.password });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.cache, "no-store");
}

async function cookie(context, name = own) {
  return (await context.cookies(to.base)).find((c) => c.name === name);
}

// Whom a cookie opens the server for, in a browser that has nothing else.
async function opens(value) {
  const { context, page, close } = await visitor();
  await context.addCookies([{ name: own, value, domain: "127.0.0.1", path: "/", secure: true, httpOnly: true, sameSite: "Lax" }]);
  const { status } = await ask(page, "GET", "/v1/session");
  await close();
  return status;
}

const steps = {
  async "cookies as the browser keeps them"() {
    const { context, page, close } = await visitor();
    await signIn(page);
    for (const name of [own, own + "-device"]) {
      const kept = await cookie(context, name);
      assert.ok(kept, name);
      const { domain, path, secure, httpOnly, sameSite } = kept;
      assert.deepEqual({ domain, path, secure, httpOnly, sameSite }, { domain: "127.0.0.1", path: "/", secure: true, httpOnly: true, sameSite: "Lax" });
      assert.ok(kept.expires > 0, "it ends by itself");
    }
    assert.equal(await page.evaluate(() => document.cookie), "", "scripts see none");
    await close();
  },
  async "a session that was there before opens nothing afterwards"() {
    const { context, page, close } = await visitor();
    const planted = "chosenbysomebodyelsebeforehand0123456789abcd";
    await context.addCookies([{ name: own, value: planted, domain: "127.0.0.1", path: "/", secure: true, httpOnly: true, sameSite: "Lax" }]);
    const seen = [planted];
    const changes = [
      () => signIn(page),
      () => signIn(page),
      async () => assert.equal((await ask(page, "POST", "/v1/session/account", { account_id: 1 })).status, 200),
    ];
    for (const change of changes) {
      await change();
      const { value } = await cookie(context);
      assert.ok(!seen.includes(value), "it is a new one");
      for (const before of seen) assert.equal(await opens(before), 401);
      assert.equal(await opens(value), 200);
      seen.push(value);
    }
    assert.equal((await ask(page, "DELETE", "/v1/session")).status, 204);
    assert.equal(await cookie(context), undefined, "the browser has dropped it");
    for (const before of seen) assert.equal(await opens(before), 401);
    await close();
  },
  async "pages of other sites change nothing"() {
    const { context, page, close } = await visitor();
    await signIn(page);
    const { value } = await cookie(context);
    const attacks = {
      async form(elsewhere) {
        const answered = elsewhere.waitForResponse(to.base + "/v1/groups");
        await elsewhere.evaluate((action) => {
          const form = Object.assign(document.createElement("form"), { method: "post", action, enctype: "text/plain" });
          form.append(Object.assign(document.createElement("input"), { name: '{"name":"stolen","x":"', value: '"}' }));
          document.body.append(form);
          form.submit();
        }, to.base + "/v1/groups");
        return answered;
      },
      async fetch(elsewhere) {
        const answered = elsewhere.waitForResponse(to.base + "/v1/groups");
        await elsewhere.evaluate((url) => fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body: '{"name":"stolen"}' }),
          to.base + "/v1/groups");
        return answered;
      },
      async "sign-in"(elsewhere) {
        const answered = elsewhere.waitForResponse(to.base + "/v1/session");
        await elsewhere.evaluate(([url, body]) => fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body }),
          [to.base + "/v1/session", JSON.stringify({ email: to.email, password: to.password })]);
        return answered;
      },
    };
    for (const origin of [to.near, to.far]) {
      for (const [name, attack] of Object.entries(attacks)) {
        const elsewhere = await context.newPage();
        await elsewhere.goto(origin);
        const answer = await attack(elsewhere);
        // From near the browser sends the cookie, and the server refuses it; from far it sends none,
        // and nobody is known.
        assert.equal(answer.status(), origin === to.near || name === "sign-in" ? 403 : 401, `${name} from ${origin}`);
        await elsewhere.close();
      }
      const elsewhere = await context.newPage();
      await elsewhere.goto(origin);
      const tried = await elsewhere.evaluate(async ([url, read]) => {
        const refused = (promise) => promise.then(() => "", (e) => e.name);
        const picture = new Image();
        const shown = new Promise((done) => { picture.onload = () => done("shown"); picture.onerror = () => done("nothing"); });
        picture.src = read;
        return [
          await refused(fetch(url, { method: "POST", credentials: "include", headers: { "Content-Type": "application/json" }, body: '{"name":"stolen"}' })),
          await refused(fetch(url + "/1", { method: "DELETE", credentials: "include" })),
          await refused(fetch(read, { credentials: "include" })),
          await shown,
        ];
      }, [to.base + "/v1/groups", to.base + "/v1/session"]);
      assert.deepEqual(tried, ["TypeError", "TypeError", "TypeError", "nothing"], origin);
      await elsewhere.close();
    }
    assert.equal((await cookie(context)).value, value, "nobody was signed in or out");
    const groups = await ask(page, "GET", "/v1/groups");
    assert.equal(groups.status, 200);
    assert.ok(!groups.text.includes("stolen"));
    assert.equal((await ask(page, "POST", "/v1/groups", { name: "mine" })).status, 201, "a page of the server itself may");
    await close();
  },
  async "nothing is left to go back to"() {
    const { page, close } = await visitor();
    await signIn(page);
    const shown = await page.goto(to.base + "/v1/contacts");
    assert.match(await shown.text(), /ada@example\.org/);
    assert.equal(shown.headers()["cache-control"], "no-store");
    await page.goto(to.base + "/healthz");
    assert.equal((await ask(page, "DELETE", "/v1/session")).status, 204);
    const again = await page.goBack();
    assert.equal(again?.status(), 401, "it is asked for anew");
    assert.doesNotMatch(await page.content(), /ada@example\.org/);
    await close();
  },
};

try {
  for (const [name, step] of Object.entries(steps)) {
    await step();
    console.log(name);
  }
} finally {
  await browser.close();
}
