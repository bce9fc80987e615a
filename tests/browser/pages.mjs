// The admin page in Chromium: accessibility, the keyboard, a narrow window, light and dark, without JavaScript.
// node pages.mjs URL FOLDER_OF_PACKAGES CHROMIUM [PART_OF_A_NAME]
import fs from "node:fs";
import { createRequire } from "node:module";
import { layout } from "./layout.mjs";
import { lists } from "./lists.mjs";

const [server, packages, executablePath, only = ""] = process.argv.slice(2);
const require = createRequire(`${packages}/package.json`);
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const base = `${server}/admin`;

const pages = [
  "/flags", "/flags?q=checkout", "/flags?stale=1", "/flags?q=nothing+at+all", "/flags/1", "/flags/3", "/flags/4", "/flags/12", "/flags/20", "/flags/21",
  "/flags/1/switch?to=off", "/flags/1/add", "/flags/1/add?from=window", "/flags/3/edit", "/flags/5/delete", "/activations/2/edit", "/activations/4/edit", "/activations/5/edit", "/activations/8/edit", "/activations/9/edit", "/activations/11/edit",
  "/activations/13/members", "/activations/21/edit", "/flags/1/delete", "/flags/new", "/flags/new?from=split", "/flags/new?from=ramp", "/flags/new?from=experiment", "/timeline", "/timeline?days=7", "/flags/20?hours=24", "/flags/3?query=users", "/flags/4?query=users", "/flags/1?query=broken", "/history", "/history?q=first&since=2020-01-01", "/history?entity=activations&until=12&actor=nobody", "/rollback?to=45&flag=new-checkout", "/issues", "/stale", "/types", "/types/novi.split",
  "/playground", "/playground?context=%7B%22targetingKey%22%3A%22user-7%22%7D", "/playground?flag=express-shipping&context=%7B%7D", "/playground?at=45&context=%7B%22targetingKey%22%3A%22user-7%22%7D",
  "/experiments", "/experiments?state=decided", "/experiments/One%20page", "/experiments/One%20page?over=time", "/experiments/%3Cscript%3Ewindow.attacked%20%3D%201%3C%2Fscript%3E", "/experiments/One%20page/step?do=stop", "/experiments/One%20page/step?do=decide",
  "/tokens", "/status", "/login",
];

let passed = 0;
const failures = [];
// With a fourth argument, only the checks whose name contains it.
async function check(name, test) {
  if (!name.includes(only)) return;
  try {
    await test();
    passed += 1;
  } catch (error) {
    failures.push(name);
    console.error(`${name}: ${error.stack ?? error}`);
  }
}
function equal(found, expected, what) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what}: expected ${other}, found ${one}`);
}

// Chromium's own sandbox needs rights that containers and root do not have; the pages are those of this server.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

// A page, with what it must not do: log, and call other hosts.
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const noise = [];
  page.on("console", (message) => noise.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => noise.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(server) && !request.url().startsWith("data:")) noise.push(`request: ${request.url()}`);
  });
  const close = context.close.bind(context);
  // Pages between the first and the last of a check count as well.
  page.on("load", () => use(page).catch(() => {}));
  context.close = async () => { await use(page); await close(); };
  return { context, page, noise };
}

// Selectors of the stylesheet that no page has had an element for. A state, such as :hover, counts as its element.
let unused = null;
// These need rows, or settings, that these tests do not have: more variants, tokens, recent callers, a ramp that has expired,
// metadata that are refused.
const rare = [".recent", ".pick", ".pick a", ".pick a:hover", ".secret", ".secret code", "tr.gone", ".span-off", ".expiry",
  ".timeline-line + .timeline-line", "h1 + .empty", ".empty + p", ".empty p + p", "table + p"];
const isRare = (selector) => rare.includes(selector.trim()) || /^(\.lift)?\.s\d$/.test(selector.trim());

async function use(page) {
  const found = await page.evaluate((known) => {
    // An empty page, or one of another site.
    if (!document.styleSheets[0]?.href?.includes("/assets/admin-")) return known;
    const all = (rules) => [...rules].flatMap((rule) =>
      rule.selectorText ? [rule.selectorText, ...(rule.cssRules.length ? all(rule.cssRules) : [])] : rule.cssRules ? all(rule.cssRules) : []);
    const selectors = known ?? [...new Set(all(document.styleSheets[0].cssRules).flatMap((text) => text.split(/,(?![^(]*\))/)))];
    const plain = (text) => text.replace(/^&|::[\w-]+|:(hover|focus-visible|focus|root)/g, "").trim();
    return selectors.filter((text) => plain(text) !== "" && !document.querySelector(plain(text)));
  }, unused);
  if (found !== null) unused = unused === null ? found : unused.filter((selector) => found.includes(selector));
}

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    const quiet = await open({ colorScheme, viewport: { width, height: 900 } });
    const audited = await open({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
    for (const path of pages) {
      await check(`${path} in ${colorScheme} at ${width} px`, async () => {
        quiet.noise.length = 0;
        await quiet.page.goto(base + path, { waitUntil: "load" });
        equal(quiet.noise, [], "console and requests");
        const wide = await quiet.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        equal(wide, 0, "pixels beyond the window");
        await use(quiet.page);
        await audited.page.goto(base + path);
        equal(await audited.page.evaluate(() => window.attacked), undefined, "text of rows as a script, without the policy");
        await audited.page.evaluate(axe);
        const { violations } = await audited.page.evaluate(() => window.axe.run());
        equal(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html).slice(0, 3)]), [], "axe");
      });
    }
    await quiet.context.close();
    await audited.context.close();
  }
}

// Requests that a page sends and a test answers later: `next` waits for one, and `release` lets it pass.
async function hold(page, url, wanted = () => true) {
  const held = [];
  const waiting = [];
  await page.route(url, async (route) => {
    if (!wanted(route.request())) return route.continue();
    await new Promise((resolve) => {
      // The request may have been given up meanwhile.
      const release = () => { resolve(); return route.continue().catch(() => {}); };
      if (waiting.length > 0) waiting.shift()(release);
      else held.push(release);
    });
  });
  return () => held.length > 0 ? Promise.resolve(held.shift()) : new Promise((resolve, reject) => {
    waiting.push(resolve);
    setTimeout(() => reject(new Error(`no request of ${url}`)), 30000).unref();
  });
}
const isSearch = (request) => "hx-request" in request.headers();
const rows = (page, count) =>
  page.waitForFunction((wanted) => document.querySelectorAll("tr[id^=flag-]").length === wanted, count);

async function patch(flag, change) {
  const answer = await fetch(`${server}/api/flags/named/${flag}`, {
    method: "PATCH", headers: { "content-type": "application/json" }, body: JSON.stringify(change),
  });
  equal(answer.status, 200, "the change");
  return (await answer.json()).revision;
}

await check("search narrows the list as one types and keeps the focus", async () => {
  const { context, page, noise } = await open();
  await page.goto(`${base}/flags`);
  await page.keyboard.press("/");
  await page.keyboard.type("new-che");
  await rows(page, 1);
  equal(await page.evaluate(() => [document.activeElement.id, document.activeElement.value]), ["q", "new-che"], "the focus");
  equal(new URL(page.url()).searchParams.get("q"), "new-che", "the address");
  await page.selectOption("#status", "false");
  await rows(page, 0);
  equal(noise, [], "console and requests");
  await page.reload();
  equal(await page.inputValue("#q"), "new-che", "the search after a reload");
  await context.close();
});

await check("search typed before htmx is ready narrows the list", async () => {
  const { context, page, noise } = await open();
  const next = await hold(page, "**/assets/htmx*");
  await page.goto(`${base}/flags`, { waitUntil: "commit" });
  const release = await next();
  await page.waitForSelector("footer");
  await page.focus("#q");
  await page.keyboard.type("new-che");
  await release();
  await rows(page, 1);
  equal(await page.evaluate(() => [document.activeElement.id, document.activeElement.value]), ["q", "new-che"], "the focus");
  equal(new URL(page.url()).searchParams.get("q"), "new-che", "the address");
  equal(noise, [], "console and requests");
  await context.close();
});

await check("list of an older search does not replace a newer one when rows change", async () => {
  const { context, page, noise } = await open();
  await page.goto(`${base}/flags`);
  const next = await hold(page, "**/admin/flags*", (request) => !isSearch(request));
  const revision = await patch("everyone", { status: false });
  const release = await next();
  await page.focus("#q");
  await page.keyboard.type("new-che");
  await rows(page, 1);
  await release();
  await (await next())();
  await page.waitForFunction((now) => document.getElementById("revision").textContent === now, String(revision));
  await rows(page, 1);
  await page.unrouteAll();
  await patch("everyone", { status: true });
  equal(noise, [], "console and requests");
  await context.close();
});

await check("list is not replaced while a search is on its way", async () => {
  const { context, page, noise } = await open();
  await page.goto(`${base}/flags`);
  const all = await page.locator("tr[id^=flag-]").count();
  const next = await hold(page, "**/admin/flags*", isSearch);
  await page.focus("#q");
  await page.keyboard.type("new-che");
  const release = await next();
  const revision = await patch("everyone", { status: false });
  for (let looks = 0; looks < 2; looks += 1) await page.waitForResponse(/revision$/);
  await rows(page, all);
  await release();
  await rows(page, 1);
  await page.waitForFunction((now) => document.getElementById("revision").textContent === now, String(revision));
  await rows(page, 1);
  await patch("everyone", { status: true });
  equal(noise, [], "console and requests");
  await context.close();
});

await check("response of an older search is ignored", async () => {
  const { context, page, noise } = await open();
  await page.goto(`${base}/flags`);
  const next = await hold(page, "**/admin/flags*", isSearch);
  await page.focus("#q");
  await page.keyboard.type("beta");
  const older = await next();
  await page.fill("#q", "new-che");
  const newer = await next();
  await newer();
  await rows(page, 1);
  await older();
  await page.waitForResponse(/revision$/);
  equal(await page.locator("a.name").allTextContents(), ["new-checkout"], "the list");
  equal(noise, [], "console and requests");
  await context.close();
});

await check("search that fails is repeated", async () => {
  const { context, page } = await open();
  await page.goto(`${base}/flags`);
  const failures = [
    (route) => route.abort(),
    (route) => route.fulfill({ status: 503, contentType: "text/html", body: "<h1>Busy</h1>" }),
    // As the page of the login.
    (route) => route.fulfill({ contentType: "text/html", body: "<main id=\"main\"></main>" }),
  ];
  for (const [index, failure] of failures.entries()) {
    let fails = true;
    await page.route("**/admin/flags*", (route) => {
      const now = fails && isSearch(route.request());
      fails &&= !now;
      return now ? failure(route) : route.continue();
    });
    await page.fill("#q", index % 2 === 0 ? "new-che" : "beta-");
    await rows(page, 1);
    await page.waitForSelector(`a.name >> text=${index % 2 === 0 ? "new-checkout" : "beta-banner"}`);
    equal(fails, false, `failure ${index}`);
    await page.unrouteAll();
  }
  await context.close();
});

await check("playground shows new decisions and keeps what is typed", async () => {
  const { context, page, noise } = await open();
  await page.goto(`${base}/playground?flag=everyone&context=%7B%7D&as=json`);
  await page.waitForSelector("#answer >> text=On");
  await page.fill("#context", '{"targetingKey": "ann"');
  await patch("everyone", { status: false });
  await page.waitForSelector("#answer >> text=Off");
  equal(await page.evaluate(() => [document.activeElement.id, document.activeElement.value]),
    ["context", '{"targetingKey": "ann"'], "what was typed");
  await patch("everyone", { status: true });
  equal(noise, [], "console and requests");
  await context.close();
});

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with" : "without";
  await check(`context of the playground is a form ${how} JavaScript`, async () => {
    const { context, page, noise } = await open({ javaScriptEnabled });
    await page.goto(`${base}/playground`);
    equal(await page.inputValue("[name='c/0@key']"), "targetingKey", "the first attribute");
    await page.fill("[name='c/1@key']", "age");
    await page.fill("[name='c/1']", "7");
    await page.fill("#flag", "everyone");
    await page.fill("#clock", "2026-12-24");
    await page.click("text=Add a row");
    equal(await page.inputValue("[name='c/1']"), "7", "what was typed");
    await page.fill("[name='c/3@key']", "plan");
    await page.click("button.primary");
    await page.waitForSelector("text=a value is required");
    await page.fill("[name='c/3']", "pro");
    await page.click("button.primary");
    await page.waitForSelector("#answer >> text=everyone is");
    const query = new URL(page.url()).searchParams;
    equal(JSON.parse(query.get("context")), { targetingKey: "user-7", age: 7, plan: "pro" }, "the address");
    await page.click("summary >> text=Python");
    await page.waitForSelector("#python >> text=2026-12-24T00:00:00Z");
    await page.click("text=Edit as JSON");
    await page.fill("#context", '{"targetingKey": ["a"]}');
    await page.fill("#clock", "soon");
    await page.click("button.primary");
    await page.waitForSelector("[role=alert] >> text=The clock: expected a date");
    equal(noise, [], "console and requests");
    await context.close();
  });
}

await check("flag is switched and the change undone by keyboard alone", async () => {
  const { context, page } = await open();
  await page.goto(`${base}/flags/14`);
  const press = async (selector) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
    }
    throw new Error(`Tab does not reach ${selector}`);
  };
  await press(".skip");
  await press(".switch.on");
  await page.keyboard.press("Enter");
  await page.waitForURL(/switch/);
  await page.fill("#actor", "ada");
  await page.fill("#reason", "to see what happens");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=Turned off everyone.");
  await page.waitForSelector("text=“to see what happens”");
  await press(".notice button");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=Undid the change of everyone.");
  await page.waitForSelector(".switch.on");
  await context.close();
});

await check("every step works without JavaScript", async () => {
  const { context, page } = await open({ javaScriptEnabled: false });
  await page.goto(`${base}/flags`);
  await page.fill("#q", "everyone");
  await page.click(".filters button");
  await page.click("a.name");
  await page.click(".switch");
  await page.fill("#reason", "no JavaScript");
  await page.click("button.primary");
  await page.waitForSelector("text=Turned off everyone.");
  await page.click(".notice button");
  await page.waitForSelector("text=Undid the change of everyone.");
  await context.close();
});

await check("flag is made from a template, changed, and its problems are at their fields", async () => {
  const { context, page } = await open();
  await page.goto(`${base}/flags/new`);
  await page.click("text=Percentage rollout");
  await page.fill("#name", "made-in-a-browser");
  await page.fill("[name='c/percentage']", "101");
  await page.evaluate(() => { document.querySelector("form.stack").noValidate = true; });
  await page.click("text=Create");
  await page.waitForSelector(".problem >> text=expected 0 to 100, found 101");
  equal(await page.evaluate(() => document.activeElement.name), "c/percentage", "the focus");
  await page.fill("[name='c/percentage']", "30");
  equal(await page.inputValue("[type=range]"), "30", "the slider");
  await page.check("#on");
  await page.click("text=Create");
  await page.waitForSelector("text=Created made-in-a-browser.");
  await page.waitForSelector("text=On for 30 % of callers");
  await context.close();
});

await lists({ check, open, equal, base, patch });
await layout({ check, open, equal, base, pages, axe });

await check("config is edited as a form without JavaScript, by rows, and as JSON", async () => {
  const { context, page } = await open({ javaScriptEnabled: false });
  await page.goto(`${base}/activations/4/edit`);
  await page.fill("[name='c/variants/3@key']", "table");
  await page.fill("[name='c/variants/3']", "10");
  await page.click("text=Add a row");
  equal(await page.inputValue("[name='c/variants/3@key']"), "table", "the new row");
  await page.click("text=Edit as JSON");
  equal(JSON.parse(await page.inputValue("#config")), { variants: { grid: 50, list: 25, map: 25, table: 10 } }, "the JSON");
  await page.click("text=Edit as a form");
  // Enter shows what would be saved, whatever the first visible button is.
  await page.fill("[name='c/variants/3@key']", "");
  await page.fill("[name='c/variants/3']", "");
  await page.fill("[name='c/variants/2']", "30");
  await page.press("[name='c/variants/2']", "Enter");
  await page.waitForSelector("text=Preview: nothing is saved yet");
  await page.click("button.primary");
  await page.waitForSelector("text=Saved page-layout.");
  await page.goto(`${base}/activations/5/edit`);
  await page.selectOption("[name='c/is@add']", "class:novi.percentage");
  await page.click("button[value='add c/is']");
  await page.fill("[name='c/is/3/config/percentage']", "40");
  await page.click("button[value='up c/is/3']");
  equal(await page.inputValue("[name='c/is/2/config/percentage']"), "40", "the moved row");
  await page.click("button.primary");
  await page.waitForSelector("text=Saved express-shipping.");
  await context.close();
});

await check("result of a switch is chosen without JavaScript", async () => {
  const { context, page } = await open({ javaScriptEnabled: false });
  await page.goto(`${base}/activations/11/edit`);
  equal(await page.inputValue("[name='c/cases/is/0/variant']"), "premium", "the variant");
  await page.selectOption("[name='c/fallback@kind']", "then");
  await page.click("button[value='show c/fallback']");
  await page.selectOption("[name='c/fallback/then@add']", "class:novi.percentage");
  await page.click("button[value='set c/fallback/then']");
  await page.click("button.primary");
  await page.waitForSelector("fieldset.child .problem >> text=expected an object");
  await page.selectOption("[name='c/fallback@kind']", "false");
  await page.click("button.primary");
  await page.waitForSelector("text=Saved payment-processor.");
  await context.close();
});

await check("two people edit a flag, and the second merges", async () => {
  const { context, page } = await open({ bypassCSP: true });
  const other = await context.newPage();
  for (const tab of [page, other]) await tab.goto(`${base}/flags/2/edit`);
  await other.fill("#owner", "Shop");
  await other.fill("#tags", "beta, banner");
  await other.fill("#actor", "ada");
  await other.click("button.primary");
  await other.waitForSelector("text=Saved beta-banner.");
  await page.fill("#owner", "Marketing");
  await page.click("button.primary");
  await page.waitForSelector("text=Somebody else has changed beta-banner");
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  equal(violations.map(({ id }) => id), [], "axe");
  equal(await page.inputValue("#actor"), "ada", "the name that was stated before");
  await page.check("[name='pick.owner'][value=mine]");
  await page.click("text=Save the merged row");
  await page.waitForSelector("text=Saved beta-banner.");
  await page.waitForSelector("text=Marketing");
  await page.waitForSelector("a.badge >> text=banner");
  await context.close();
});

const callers = Array.from({ length: 300 }, (_, number) => JSON.stringify({ targetingKey: `user-${number}`, country: "DE" }));
const jsonl = { name: "callers.jsonl", mimeType: "application/octet-stream", buffer: Buffer.from(callers.join("\n")) };

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with" : "without";
  await check(`effect of a change is measured over a file of callers ${how} JavaScript`, async () => {
    const { context, page, noise } = await open({ javaScriptEnabled });
    for (const path of ["/activations/1/edit", "/flags/1/switch?to=off"]) {
      await page.goto(base + path);
      await page.click("text=Callers for the preview");
      await page.setInputFiles("#callers_file", jsonl);
      await page.click(".actions button[name=preview]");
      await page.waitForSelector("text=callers: the 300 of callers.jsonl.");
      await use(page);
      // The file is kept for the next preview, unless the visitor does not want it.
      await page.fill("#reason", "measured again");
      await page.click(".actions button[name=preview]");
      await page.waitForSelector("[name=reason][value='measured again']");
      await page.waitForSelector("text=callers: the 300 of callers.jsonl.");
      await page.uncheck("text=Those of callers.jsonl again");
      await page.click(".actions button[name=preview]");
      await page.waitForSelector("text=/callers: 1000 made-up ones/");
    }
    await page.setInputFiles("#callers_file", { ...jsonl, buffer: Buffer.from("{}\n{") });
    await page.click(".actions button[name=preview]");
    await page.waitForSelector("text=callers.jsonl, line 2: not JSON");
    equal(noise, [], "console and requests");
    await context.close();
  });
}

await check("saved query counts who has a flag, and whom a change affects, without JavaScript", async () => {
  const { context, page, noise } = await open({ javaScriptEnabled: false });
  await page.goto(`${base}/flags/3`);
  await page.selectOption("#query", "users");
  await page.click("text=Count");
  await page.waitForSelector("text=of 6 callers have it");
  equal(new URL(page.url()).hash, "#audience", "the place on the page");
  await page.goto(`${base}/flags/3/switch?to=off`);
  await page.click("text=Callers for the preview");
  await page.selectOption("#callers_query", "users");
  await page.click("text=Preview >> nth=-1");
  await page.waitForSelector("text=the 6 of the saved query users");
  equal(await page.inputValue("#callers_query"), "users", "the choice");
  equal(noise, [], "console and requests");
  await context.close();
});

await check("file of callers is dropped on the page", async () => {
  const { context, page, noise } = await open();
  await page.goto(`${base}/activations/1/edit`);
  await page.evaluate((lines) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([lines.join("\n")], "dropped.jsonl"));
    for (const type of ["dragover", "drop"]) {
      const event = new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer });
      document.querySelector("h1").dispatchEvent(event);
      if (!event.defaultPrevented) throw new Error(`${type} is left to the browser`);
    }
  }, callers);
  await page.click(".actions button[name=preview]");
  await page.waitForSelector("text=callers: the 300 of dropped.jsonl.");
  equal(noise, [], "console and requests");
  await context.close();
});

await check("members are added and removed", async () => {
  const { context, page } = await open({ javaScriptEnabled: false });
  await page.goto(`${base}/activations/13/members`);
  await page.fill("#members", "ann\nben");
  await page.click("button.primary");
  await page.waitForSelector("text=2 members");
  await page.check("text=ann");
  await page.click("button.primary");
  await page.waitForSelector("text=1 member");
  await context.close();
});

await check("sum of the weights and sliders follow what is typed", async () => {
  const { context, page, noise } = await open();
  await page.goto(`${base}/flags/new?from=split`);
  await page.fill("[name='c/variants/0']", "70");
  equal(await page.textContent("[data-sum]"), "120", "the sum");
  await page.goto(`${base}/activations/1/edit`);
  await page.focus("[type=range]");
  await page.keyboard.press("Home");
  equal(await page.inputValue("[name='c/percentage']"), "0", "the number");
  equal(noise, [], "console and requests");
  await context.close();
});

await check("page shows what others change, and keeps what is typed", async () => {
  const { context, page, noise } = await open();
  const set = (status) => patch("everyone", { status });
  await page.goto(`${base}/flags?q=everyone`);
  await page.focus("#q");
  await set(false);
  await page.waitForSelector(".switch:not(.on)");
  equal(await page.evaluate(() => document.activeElement.id), "q", "the focus");
  await page.goto(`${base}/flags/14`);
  await page.click("summary >> nth=0").catch(() => {});
  await set(true);
  await page.waitForSelector(".switch.on");
  await page.goto(`${base}/flags/14/edit`);
  await page.fill("#description", "being typed");
  await set(false);
  await page.waitForSelector("#outdated >> text=Somebody has changed rows");
  equal(await page.inputValue("#description"), "being typed", "what was typed");
  await set(true);
  equal(noise, [], "console and requests");
  await context.close();
});

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with" : "without";
  await check(`experiment is stopped, started again and previewed ${how} JavaScript`, async () => {
    const { context, page, noise } = await open({ javaScriptEnabled });
    await page.goto(`${base}/experiments`);
    await page.click("text=One page");
    await page.waitForSelector("text=One page sells more than four");
    await page.waitForSelector("text=fit the weights");
    await page.click("text=Over time");
    await page.waitForSelector("h3 >> text=Lift over time");
    for (const [step, done] of [["Stop", "Stopped: all callers get the control."], ["Start again", "Started."]]) {
      await page.click(`a.button >> text=${step}`);
      await page.fill("#reason", `to ${step}`);
      await page.keyboard.press("Enter");
      await page.waitForSelector(`[role=status] >> text=${done}`);
    }
    await page.click("a.button >> text=Decide");
    await page.fill("#reason", "It sells more");
    await page.click("button.primary");
    await page.waitForSelector("[role=alert] >> text=Choose what to decide for.");
    await page.selectOption("#decision", "variant:one");
    await page.click(".actions button[name=preview]");
    await page.waitForSelector("h2 >> text=Effect");
    equal(noise.filter((line) => !line.includes("422")), [], "console and requests");
    await context.close();
  });
}

await check("link on another site keeps the session", async () => {
  const { context, page } = await open();
  await page.goto(`${base}/flags`);
  const before = await context.cookies();
  await page.route("http://other.example/", (route) =>
    route.fulfill({ contentType: "text/html", body: `<a href="${base}/flags/1">flag</a>` }));
  await page.goto("http://other.example/");
  await page.click("a");
  await page.waitForSelector("h1 >> text=new-checkout");
  equal((await context.cookies()).map((cookie) => cookie.value), before.map((cookie) => cookie.value), "the cookie");
  await context.close();
});

await check("other sites cannot embed the page", async () => {
  const { context, page } = await open();
  await page.route("http://other.example/", (route) =>
    route.fulfill({ contentType: "text/html", body: `<iframe src="${base}/flags"></iframe>` }));
  await page.goto("http://other.example/");
  const [, frame] = page.frames();
  equal(await frame?.locator("a.name").count().catch(() => 0), 0, "flags in the frame");
  await context.close();
});

if (!only) await check("stylesheet has no rule that no page uses", async () =>
  equal(unused.filter((selector) => !isRare(selector)), [], "selectors"));

await browser.close();
console.log(`admin page: ${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
