// Lists as chips: a text with a value on each line, or with commas between values, becomes a list whose values are added
// and removed one by one. The text stays what the form sends; without this script it is edited itself.
"use strict";
{
  // A longer list stays a text.
  const MOST = 200;
  const say = (text) => { document.getElementById("announced").textContent = text; };
  const make = (name, attributes = {}) => {
    const element = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
    return element;
  };
  const trimmed = (texts) => texts.map((text) => text.trim()).filter((text) => text !== "");
  // In a list of lines, JSON may have commas: a list, an object, or a text in quotes.
  const isJson = (line) => /^\s*["[{]/.test(line);
  // Splits at commas, but not within JSON.
  const split = (line) => {
    const parts = [""];
    let [depth, inText, isEscaped] = [0, false, false];
    for (const letter of line) {
      if (letter === "," && depth === 0 && !inText) {
        parts.push("");
        continue;
      }
      parts[parts.length - 1] += letter;
      if (!isJson(parts.at(-1))) continue;
      if (isEscaped) isEscaped = false;
      else if (inText && letter === "\\") isEscaped = true;
      else if (letter === '"') inText = !inText;
      else if (!inText && "[{".includes(letter)) depth += 1;
      else if (!inText && "]}".includes(letter)) depth = Math.max(depth - 1, 0);
    }
    return parts;
  };

  class Chips {
    constructor(source) {
      this.source = source;
      this.isLines = source.tagName === "TEXTAREA";
      this.values = this.written();
      if (this.values.length > MOST) return;
      this.label = document.querySelector(`label[for="${source.id}"]`)?.textContent.trim() ?? "Values";
      this.box = make("div", { class: "chips" });
      this.list = make("ul", { "aria-label": this.label });
      this.input = make("input", { autocomplete: "off", spellcheck: "false", placeholder: "Add a value" });
      this.takeOver();
      this.box.append(this.list, this.input);
      source.before(this.box);
      this.values.forEach((value) => this.list.append(this.chip(value)));
      this.oneTabStop();
      this.input.addEventListener("keydown", (event) => this.typed(event));
      this.input.addEventListener("paste", (event) => this.pasted(event));
      // What was typed counts also if nobody pressed Enter.
      this.input.addEventListener("change", () => this.addTyped());
      source.form.addEventListener("submit", () => this.addTyped(), { capture: true });
      this.list.addEventListener("keydown", (event) => this.moved(event));
      this.list.addEventListener("click", (event) => this.clicked(event));
    }

    written() {
      return trimmed(this.source.value.split(this.isLines ? "\n" : ","));
    }

    // The values of what was typed or pasted.
    parts(line) {
      return trimmed(this.isLines ? split(line) : line.split(","));
    }

    // The label, the notes and the focus are those of the new input.
    takeOver() {
      const { source, input } = this;
      const hadFocus = document.activeElement === source || source.autofocus;
      for (const name of ["id", "aria-invalid", "aria-describedby", "list"]) {
        if (source.hasAttribute(name)) input.setAttribute(name, source.getAttribute(name));
      }
      source.removeAttribute("id");
      source.hidden = true;
      if (hadFocus) setTimeout(() => input.focus());
    }

    // A list that has become too long is a text again.
    giveBack() {
      this.source.id = this.input.id;
      this.source.hidden = false;
      this.box.remove();
      this.source.focus();
      say(`More than ${MOST} values of ${this.label}: they are edited as text.`);
    }

    chip(value) {
      const chip = make("li");
      const text = make("span");
      const remove = make("button", { type: "button", "aria-label": `Remove ${value}`, tabindex: "-1" });
      text.textContent = value;
      remove.textContent = "×";
      chip.append(text, remove);
      return chip;
    }

    buttons() {
      return [...this.list.querySelectorAll("button")];
    }

    // Tab reaches the list once; arrows move within it.
    oneTabStop(wanted = null) {
      const buttons = this.buttons();
      const chosen = wanted ?? buttons.at(-1);
      buttons.forEach((button) => { button.tabIndex = button === chosen ? 0 : -1; });
    }

    write() {
      this.source.value = this.values.join(this.isLines ? "\n" : ", ");
    }

    add(values) {
      const fresh = [...new Set(values)].filter((value) => !this.values.includes(value));
      if (values.length > 0 && fresh.length === 0) say(`${values.join(", ")}: in the list already.`);
      if (fresh.length === 0) return;
      this.values.push(...fresh);
      this.write();
      if (this.values.length > MOST) {
        this.giveBack();
        return;
      }
      this.list.append(...fresh.map((value) => this.chip(value)));
      this.oneTabStop();
      say(fresh.length > 3 ? `Added ${fresh.length} values.` : `Added ${fresh.join(", ")}.`);
    }

    addTyped() {
      const values = this.parts(this.input.value);
      this.input.value = "";
      this.add(values);
    }

    // Removes a value; the focus goes to the next one.
    remove(place) {
      const [value] = this.values.splice(place, 1);
      this.list.children[place].remove();
      this.write();
      const next = this.buttons()[Math.min(place, this.values.length - 1)] ?? null;
      this.oneTabStop(next);
      (next ?? this.input).focus();
      say(`Removed ${value}.`);
    }

    typed(event) {
      if (event.isComposing) return;
      const { value } = this.input;
      if (event.key === "Enter") {
        // On an empty input, too: it would send the form.
        event.preventDefault();
        this.addTyped();
      } else if (event.key === "," && !(this.isLines && split(`${value},`).at(-1) !== "")) {
        event.preventDefault();
        this.addTyped();
      } else if (value === "" && (event.key === "Backspace" || event.key === "ArrowLeft")) {
        this.focus(this.values.length - 1);
      }
    }

    pasted(event) {
      const text = event.clipboardData.getData("text");
      const lines = trimmed(text.split(/\r?\n/));
      if (lines.length < 2) return;
      event.preventDefault();
      // Each line is a value; where commas separate values, a value has none.
      this.add(this.isLines ? lines : lines.flatMap((line) => this.parts(line)));
    }

    focus(place) {
      const button = this.buttons()[place];
      if (!button) return;
      this.oneTabStop(button);
      button.focus();
    }

    moved(event) {
      const place = this.buttons().indexOf(event.target);
      const last = this.values.length - 1;
      const to = { ArrowLeft: Math.max(place - 1, 0), ArrowRight: place + 1, Home: 0, End: last }[event.key];
      if (place < 0 || (to === undefined && !["Delete", "Backspace"].includes(event.key))) return;
      event.preventDefault();
      if (to === undefined) this.remove(place);
      else if (to > last) this.input.focus();
      else this.focus(to);
    }

    clicked(event) {
      const place = this.buttons().indexOf(event.target);
      if (place >= 0) this.remove(place);
    }
  }

  document.querySelectorAll("[data-chips]").forEach((source) => new Chips(source));
}
