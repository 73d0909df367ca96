// Single keys. An element names its own in data-key ("d", "g q", "mod+enter"); pressing it clicks the element, or focuses
// it when it is a field; data-then names what gets the focus afterwards. They rest while a field has focus, and wholly when <html data-keys="off"> (WCAG 2.1.4).
const TYPING = "input:not([type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable]";
const CHORD_MS = 1200;
let first = "";
let firstAt = 0;

export function watchKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const name = keyName(event);
    if (name === "mod+enter") return act(event, find(name, event.target.closest?.("form")));
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.documentElement.dataset.keys === "off" || event.target.closest?.(TYPING)) return;
    if (document.querySelector("dialog[open]")) return;
    press(event, name);
  });
}

function keyName(event) {
  const key = event.key.toLowerCase();
  return (event.ctrlKey || event.metaKey) && key === "enter" ? "mod+enter" : key;
}

function press(event, name) {
  const chord = first && event.timeStamp - firstAt < CHORD_MS ? `${first} ${name}` : "";
  first = "";
  if (chord && act(event, find(chord))) return;
  if (document.querySelector(`[data-key^="${CSS.escape(name)} "]`)) {
    first = name;
    firstAt = event.timeStamp;
    return;
  }
  if (name === "?") return openSheet(event);
  if (moveOrOpen(event, name)) return;
  act(event, find(name));
}

function find(name, inside) {
  const matches = (inside ?? document).querySelectorAll(`[data-key="${CSS.escape(name)}"]`);
  return [...matches].find((element) => element.checkVisibility?.() ?? true);
}

function act(event, element) {
  if (!element || element.disabled) return false;
  event.preventDefault();
  if (element.matches(TYPING)) element.focus();
  else element.click();
  if (element.dataset.then) document.querySelector(element.dataset.then)?.focus();
  return true;
}

function rows() {
  return [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility?.() ?? true);
}

function moveOrOpen(event, name) {
  const all = rows();
  if (!all.length) return false;
  const at = all.findIndex((row) => "cursor" in row.dataset);
  if (name === "j" || name === "k") {
    const next = at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + (name === "j" ? 1 : -1)));
    event.preventDefault();
    all.forEach((row) => delete row.dataset.cursor);
    all[next].dataset.cursor = "";
    all[next].scrollIntoView({ block: "nearest" });
    all[next].querySelector("a")?.focus({ preventScroll: true });
    return true;
  }
  if (at < 0) return false;
  if (name === "x") return act(event, all[at].querySelector("input[type=checkbox]"));
  if (name === "enter" && !event.target.closest?.("a, button, summary")) return act(event, all[at].querySelector("a"));
  return false;
}

// The sheet lists what this page answers to: its own keys are read from the page, the general ones are in the template.
function openSheet(event) {
  const dialog = document.getElementById("keysheet");
  if (!dialog) return;
  event.preventDefault();
  const list = dialog.querySelector("[data-page-keys]");
  list.replaceChildren();
  for (const element of document.querySelectorAll("[data-key][data-key-label]")) {
    const line = document.createElement("div");
    const word = document.createElement("span");
    word.textContent = element.dataset.keyLabel;
    const keys = document.createElement("span");
    for (const part of element.dataset.key.split(" ")) {
      const key = document.createElement("kbd");
      key.textContent = part === "mod+enter" ? "Ctrl ↵" : part.toUpperCase();
      keys.append(key, " ");
    }
    line.append(word, keys);
    list.append(line);
  }
  dialog.showModal();
}
