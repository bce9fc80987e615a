// What pages do besides htmx: shortcuts of the keyboard, the policy that lets htmx insert what this server sent, and rows
// that change while a page is open.
"use strict";
if (window.trustedTypes) {
  // Strings may become HTML, never scripts or their addresses.
  window.trustedTypes.createPolicy("default", { createHTML: (text) => text });
}
document.documentElement.classList.add("js");

// htmx is loaded once the page has been painted, which would wait for it otherwise. The policy knows no other script.
const { htmx: file } = document.body.dataset;
const scripts = window.trustedTypes?.createPolicy("htmx", { createScriptURL: () => file });
requestAnimationFrame(() => setTimeout(() => {
  const script = document.createElement("script");
  script.src = scripts?.createScriptURL("") ?? file;
  document.head.append(script);
}));

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

// A file of callers may be dropped anywhere on the page.
document.addEventListener("dragover", (event) => {
  if (document.getElementById("callers_file") && event.dataTransfer.types.includes("Files")) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  const input = document.getElementById("callers_file");
  if (!input || event.dataTransfer.files.length !== 1) return;
  event.preventDefault();
  input.files = event.dataTransfer.files;
  input.closest("details").open = true;
  announced.textContent = `The callers for the preview are those of ${input.files[0].name}.`;
});

// Sliders go with their numbers, and the sum with its weights.
document.addEventListener("input", ({ target }) => {
  const other = target.dataset.for ? document.getElementById(target.dataset.for)
    : target.type === "number" && document.querySelector(`[data-for="${target.id}"]`);
  // An empty field means what its placeholder has.
  if (other) other.value = target.dataset.for ? Math.round(target.value * 10) / 10 : target.value || target.placeholder || 0;
  const sum = target.closest("fieldset")?.querySelector("[data-sum]");
  if (!sum) return;
  const weights = [...target.closest("fieldset").querySelectorAll("input[type=number]")];
  sum.textContent = Math.round(weights.reduce((all, { value }) => all + Number(value), 0) * 1000) / 1000;
});

// The list of flags and its search. What is typed may be lost on the way: before htmx is ready, or with a request that
// fails. The list then stays behind its form, and is searched again.
const announced = document.getElementById("announced");
const search = document.querySelector("form[hx-get]");
const written = (form) => new URLSearchParams(new FormData(form)).toString();
// What the list answers. The form may differ from the start: browsers restore fields, and people type early.
let listed = search && written(asServed(search));

function asServed(form) {
  const copy = form.cloneNode(true);
  copy.reset();
  return copy;
}

const isListed = () => !search || (written(search) === listed && !search.matches(".htmx-request"));

document.addEventListener("htmx:after:init", ({ target }) => {
  if (target === search && !isListed()) window.htmx.trigger(search, "change");
});
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  ctx.asked = new URLSearchParams(ctx.request.body).toString();
});
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  if (ctx.response.raw.ok && ctx.text.includes('id="list"')) return;
  // An error, or the login: a swap would remove the list.
  event.preventDefault();
  if (ctx.response.raw.ok) location.assign(ctx.request.action);
  else announced.textContent = "The search has failed. It is repeated.";
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  listed = ctx.asked ?? listed;
});

// Searches again if the form has waited since the last look, and no request is on its way.
let waiting = null;
function searchAgain() {
  const lost = isListed() || search.matches(".htmx-request") ? null : written(search);
  if (lost !== null && lost === waiting) window.htmx?.trigger(search, "change");
  waiting = lost;
}

// Somebody else changes rows while a page is open: lists and flags are shown again, and forms stay as they are.
const { live, revision } = document.body.dataset;
let known = revision;

async function look() {
  try {
    if (document.visibilityState === "visible") {
      searchAgain();
      const answer = await fetch(live, { redirect: "error", cache: "no-store" });
      const now = answer.ok ? await answer.text() : known;
      if (now !== known && await update(now)) known = now;
    }
  } catch {
    // The server restarts, or the session has ended: the next step of the visitor tells.
  }
  setTimeout(look, 1000);
}

// Shows the rows of a revision. Returns false if the visitor searched meanwhile: the next look tries again.
async function update(now) {
  const main = document.getElementById("main");
  if (main.querySelector("form[method=post] :is(input:not([type=hidden]), textarea)")) {
    notify(main, now);
    return true;
  }
  if (!isListed()) return false;
  const address = location.href;
  const answer = await fetch(address, { redirect: "error", cache: "no-store" });
  if (!answer.ok) return true;
  const text = await answer.text();
  if (!isListed() || location.href !== address) return false;
  // The search of a list keeps what is typed. Elsewhere morphing keeps it, as it keeps the focus and open details.
  const id = document.getElementById("list") && text.includes('id="list"') ? "list" : "main";
  const target = document.getElementById(id);
  await window.htmx?.swap({ sourceElement: target, target, text, select: `#${id}`, swap: "outerMorph" });
  document.getElementById("revision").textContent = now;
  announced.textContent = `Shows revision ${now} now.`;
  return true;
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
