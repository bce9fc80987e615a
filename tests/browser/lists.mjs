// Checks of lists and their forms: chips in editors, filters of the history, and a problem at its field.
export async function lists({ check, open, equal, base, patch }) {
  const stored = (page) => page.inputValue("[name='c/in']").then((text) => text.split("\n"));

  await check("list is edited as chips by keyboard and mouse", async () => {
    const { context, page, noise } = await open();
    await page.goto(`${base}/activations/2/edit`);
    const box = page.locator(".chips", { has: page.locator("[aria-label='In']") });
    const shown = () => box.locator("li span").allTextContents();
    equal(await shown(), ["DE", "AT"], "the values");
    const field = page.getByRole("textbox", { name: "In", exact: true });
    await field.focus();
    await page.keyboard.type("CH,FR");
    await page.keyboard.press("Enter");
    await page.keyboard.type("DE,");
    await page.waitForFunction(() => document.getElementById("announced").textContent.includes("in the list already"));
    equal(await stored(page), ["DE", "AT", "CH", "FR"], "what is sent");
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text", "NL\r\nBE, not Brussels\n\nNL\nLU\n");
      document.activeElement.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData }));
    });
    equal(await stored(page), ["DE", "AT", "CH", "FR", "NL", "BE, not Brussels", "LU"], "pasted lines");
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Delete");
    equal(await shown(), ["DE", "AT", "CH", "FR", "NL", "BE, not Brussels"], "without the last");
    equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Remove BE, not Brussels", "the focus");
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Remove FR" }).click();
    equal(await stored(page), ["AT", "CH", "NL", "BE, not Brussels"], "after removing");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowRight");
    equal(await page.evaluate(() => document.activeElement.tagName), "INPUT", "the focus after the last");
    await page.keyboard.type('"a, b"');
    await page.keyboard.press("Enter");
    equal(await shown(), ["AT", "CH", "NL", "BE, not Brussels", '"a, b"'], "a text with a comma");
    // A comma after JSON separates values; an Enter on the empty input does nothing.
    await page.keyboard.type('42,"43",true,[1,2],x');
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    equal((await shown()).slice(5), ["42", '"43"', "true", "[1,2]", "x"], "JSON between commas");
    equal(page.url(), `${base}/activations/2/edit`, "the page after Enter");
    for (const value of ["42", '"43"', "true", "[1,2]", "x"]) {
      await page.getByRole("button", { name: `Remove ${value}`, exact: true }).click();
    }
    await page.click(".actions button[name=preview]");
    await page.waitForSelector("h2 >> text=Effect");
    equal(await shown(), ["AT", "CH", "NL", "BE, not Brussels", '"a, b"'], "after a preview");
    equal(noise, [], "console and requests");
    await context.close();
  });

  await check("long list stays a text, and a list that becomes long is one again", async () => {
    const { context, page, noise } = await open();
    await page.goto(`${base}/activations/2/edit`);
    const field = page.getByRole("textbox", { name: "In", exact: true });
    await field.focus();
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text", Array.from({ length: 300 }, (_, number) => `C${number}`).join("\n"));
      document.activeElement.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData }));
    });
    await page.waitForSelector("textarea[name='c/in']:visible");
    equal((await stored(page)).length, 302, "the lines");
    await page.click(".actions button[name=preview]");
    await page.waitForSelector("h2 >> text=Effect");
    equal([await page.locator("textarea[name='c/in']:visible").count(), (await stored(page)).length], [1, 302], "after a preview");
    equal(noise, [], "console and requests");
    await context.close();
  });

  await check("history is filtered, and shows what others change", async () => {
    const { context, page, noise } = await open();
    await page.goto(`${base}/history`);
    await page.selectOption("#entity", "flags");
    await page.fill("#since", "2020-01-01");
    await page.fill("#q", "everyone");
    await page.keyboard.press("Enter");
    await page.waitForURL(/since=2020-01-01/);
    const before = await page.locator(".change").count();
    await patch("everyone", { status: false });
    await page.waitForFunction((count) => document.querySelectorAll(".change").length === count + 1, before);
    await patch("everyone", { status: true });
    await page.fill("#until", "2020-01-02");
    await page.click("text=Filter");
    await page.waitForSelector("text=No change matches.");
    equal(noise, [], "console and requests");
    await context.close();
  });

  await check("name that is taken is a problem at its field", async () => {
    const { context, page } = await open();
    await page.goto(`${base}/flags/new?from=switch`);
    await page.fill("#name", "everyone");
    await page.click("text=Create >> nth=-1");
    await page.waitForSelector(".stack > .problem");
    equal(await page.evaluate(() => document.activeElement.id), "name", "the focus");
    await context.close();
  });
}
