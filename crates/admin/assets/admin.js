// What pages do besides htmx: shortcuts of the keyboard, and the policy that lets htmx insert what this server sent.
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
