// Checks of the layout: nothing is cut off or covered by other text, at 200 % zoom and on paper.
export async function layout({ check, open, equal, base, pages, axe }) {
  // A4 with the margins that browsers have, and half of a usual window.
  const media = {
    "at 200 % zoom": { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2 },
    "on paper": { viewport: { width: 718, height: 1000 }, colorScheme: "dark", bypassCSP: true },
  };
  for (const [how, options] of Object.entries(media)) {
    const onPaper = how === "on paper";
    const { context, page } = await open(options);
    if (onPaper) await page.emulateMedia({ media: "print" });
    for (const path of pages) {
      await check(`text of ${path} is whole ${how}`, async () => {
        await page.goto(base + path, { waitUntil: "load" });
        equal(await page.evaluate(faults, onPaper), [], "texts");
        if (!onPaper) return;
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ["color-contrast"] }));
        equal(violations.flatMap(({ nodes }) => nodes.map((node) => node.html)).slice(0, 3), [], "contrast");
      });
    }
    await context.close();
  }
}

// Texts and fields that are cut off, beyond the window, or on top of each other. Runs in the page.
function faults(onPaper) {
  const styles = new Map();
  const style = (element) => {
    if (!styles.has(element)) styles.set(element, getComputedStyle(element));
    return styles.get(element);
  };
  const ancestors = function* (element) {
    for (let found = element; found && found !== document.body; found = found.parentElement) yield found;
  };
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
    ![...ancestors(element)].some((found) => style(found).clipPath !== "none" || found.matches(".skip"));
  const isClipping = (overflow) => overflow !== "visible";
  const isScrolling = (overflow) => !onPaper && /auto|scroll/.test(overflow);

  const found = [];
  const boxes = [];
  const add = (node, element, name) => {
    const rects = node === element ? [element.getBoundingClientRect()] : (() => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return [...range.getClientRects()];
    })();
    for (const rect of rects) {
      let { left, right, top, bottom } = rect;
      if (right - left < 1 || bottom - top < 1) continue;
      let scrolls = false;
      for (const outer of ancestors(element)) {
        // A text that is shortened on purpose, and a field, which scrolls its own text.
        if (outer === node || !onPaper && style(outer).webkitLineClamp !== "none") continue;
        const [x, y] = [style(outer).overflowX, style(outer).overflowY];
        if (outer instanceof SVGElement && !(outer instanceof SVGSVGElement) || style(outer).display === "inline") continue;
        const edge = outer.getBoundingClientRect();
        const isCut = (overflow, before, after) => isClipping(overflow) && !isScrolling(overflow) && (before > 1 || after > 1);
        if (!scrolls && (isCut(x, edge.left - left, right - edge.right) || isCut(y, edge.top - top, bottom - edge.bottom))) {
          found.push(`cut: ${name}`);
        }
        scrolls ||= isScrolling(x) || isScrolling(y);
        if (isClipping(x)) [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
        if (isClipping(y)) [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
      }
      if (right - left < 1 || bottom - top < 1) continue;
      if (left < -1 || right > window.innerWidth + 1) found.push(`beyond the window: ${name}`);
      boxes.push({ node, element, name, left, right, top, bottom });
    }
  };

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const element = node.parentElement;
    if (node.data.trim() === "" || element.closest("select, textarea, script") || !isShown(element)) continue;
    add(node, element, node.data.trim().slice(0, 40));
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (isShown(field)) add(field, field, `field ${field.name || field.id}`);
  }

  // Line boxes of one paragraph may touch.
  boxes.sort((one, other) => one.top - other.top);
  for (const [place, one] of boxes.entries()) {
    for (const other of boxes.slice(place + 1)) {
      if (other.top > one.bottom) break;
      if (one.node === other.node || one.element.contains(other.node) && one.node === one.element) continue;
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (width > 2 && height > 4) found.push(`overlap: ${one.name} | ${other.name}`);
    }
  }
  return [...new Set(found)].slice(0, 8);
}
