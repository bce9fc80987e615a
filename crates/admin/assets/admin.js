// What pages do besides htmx: shortcuts of the keyboard, the policy that lets htmx insert what this server sent, and rows
// that change while a page is open.
"use strict";
if (window.trustedTypes) {
  // Strings may become HTML, never scripts or their addresses.
  window.trustedTypes.createPolicy("default", { createHTML: (text) => text });
}
document.documentElement.classList.add("js");

const isTyping = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "?") {
    document.getElementById("help")?.showModal();
  }
});

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  const source = document.getElementById(copy.dataset.copy);
  navigator.clipboard?.writeText(source.textContent).then(() => {
    copy.textContent = "Copied";
  });
});

// Sliders go with their numbers, and the sum with its weights.
document.addEventListener("input", ({ target }) => {
  const other = target.dataset.for ? document.getElementById(target.dataset.for)
    : target.type === "number" && document.querySelector(`[data-for="${target.id}"]`);
  if (other) other.value = target.dataset.for ? Math.round(target.value * 10) / 10 : target.value;
  const sum = target.closest("fieldset")?.querySelector("[data-sum]");
  if (!sum) return;
  const weights = [...target.closest("fieldset").querySelectorAll("input[type=number]")];
  sum.textContent = Math.round(weights.reduce((all, { value }) => all + Number(value), 0) * 1000) / 1000;
});

// Somebody else changes rows while a page is open: lists and flags are shown again, and forms stay as they are.
const announced = document.getElementById("announced");
const { live, revision } = document.body.dataset;
let known = revision;

async function look() {
  try {
    if (document.visibilityState === "visible") {
      const answer = await fetch(live, { redirect: "error", cache: "no-store" });
      const now = answer.ok ? await answer.text() : known;
      if (now !== known) {
        await update(now);
        known = now;
      }
    }
  } catch {
    // The server restarts, or the session has ended: the next step of the visitor tells.
  }
  setTimeout(look, 1000);
}

async function update(now) {
  const main = document.getElementById("main");
  if (main.querySelector("form[method=post] :is(input:not([type=hidden]), textarea)")) {
    notify(main, now);
    return;
  }
  const answer = await fetch(location.href, { redirect: "error", cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  // The search of a list keeps what is typed.
  const id = document.getElementById("list") && fresh.getElementById("list") ? "list" : "main";
  const [old, next] = [document.getElementById(id), fresh.getElementById(id)];
  if (!next) return;
  const opened = [...old.querySelectorAll("details")].map((details) => details.open);
  const focused = document.activeElement;
  const place = old.contains(focused) ? [...old.querySelectorAll(focused.tagName)].indexOf(focused) : -1;
  old.replaceChildren(...next.childNodes);
  old.querySelectorAll("details").forEach((details, index) => { details.open = opened[index] ?? details.open; });
  if (place >= 0) old.querySelectorAll(focused.tagName)[place]?.focus({ preventScroll: true });
  window.htmx?.process(old);
  document.getElementById("revision").textContent = now;
  announced.textContent = `Shows revision ${now} now.`;
}

function notify(main, now) {
  const text = `Somebody has changed rows: revision ${now}. Saving tells whether your change still fits.`;
  let notice = document.getElementById("outdated");
  if (!notice) {
    notice = document.createElement("p");
    notice.id = "outdated";
    notice.className = "notice warn";
    main.prepend(notice);
  }
  notice.textContent = text;
  announced.textContent = text;
}

if (live) setTimeout(look, 1000);
