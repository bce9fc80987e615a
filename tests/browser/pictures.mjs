// Makes the pictures of the README and of the tutorial, from the flags of `novi serve --demo`.
// node pictures.mjs URL FOLDER_OF_PACKAGES CHROMIUM FOLDER_OF_DOCS
import { createRequire } from "node:module";

const [server, packages, executablePath, docs] = process.argv.slice(2);
const { chromium } = createRequire(`${packages}/package.json`)("playwright-core");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const context = await browser.newContext({ colorScheme: "light", viewport: { width: 1280, height: 860 } });
const page = await context.newPage();
const picture = (name) => page.screenshot({ path: `${docs}/${name}` });

await page.goto(`${server}/admin/flags?sort=id`);
await picture("admin.png");

await page.goto(`${server}/admin/flags?q=checkout.express`);
await page.getByRole("link", { name: "checkout.express", exact: true }).click();
await page.getByRole("heading", { name: "checkout.express", exact: true, level: 1 }).waitFor();
await picture("images/flag.png");

const flag = page.url();
await page.goto(`${flag}/switch?to=off`);
await page.getByRole("heading", { level: 1 }).waitFor();
await picture("images/effect.png");

await browser.close();
