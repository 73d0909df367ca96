// Single keys. An element names its usual key in data-key ("d", "g q", "mod+enter") and what it does in data-act; the
// cheat sheet holds the person's own key of each act. Pressing it clicks the element, or focuses it when it is a field;
// data-then names what gets the focus afterwards. They rest while a field has focus, and wholly when
// <html data-keys="off"> (WCAG 2.1.4).
const TYPING = "input:not([type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable]";
const CHORD_MS = 1200;
const bound = new Map();
let first = "";
let firstAt = 0;

export function watchKeys() {
  for (const line of document.querySelectorAll("[data-binding]")) bound.set(line.dataset.binding, line.dataset.bound);
  printKeys(document);
  document.addEventListener("htmx:afterSettle", (event) => printKeys(event.detail.elt));
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

const keyFor = (code, usual) => bound.get(code) ?? usual;

// The key of an element as this person uses it; a chord begins with the key they chose for "Go to a place".
export function keyOf(element) {
  const { act: code, key = "" } = element.dataset;
  if (code && bound.has(code)) return bound.get(code);
  return key.startsWith("g ") ? `${keyFor("go", "g")} ${key.slice(2)}` : key;
}

export const words = (key) => (key === "mod+enter" ? "Ctrl ↵" : key === "enter" ? "Enter" : key.toUpperCase());

function press(event, name) {
  const chord = first && event.timeStamp - firstAt < CHORD_MS ? `${first} ${name}` : "";
  first = "";
  if (chord && act(event, find(chord))) return;
  if (keyed().some((element) => keyOf(element).startsWith(`${name} `))) {
    first = name;
    firstAt = event.timeStamp;
    return;
  }
  if (name === keyFor("sheet", "?")) return openSheet(event);
  if (moveOrOpen(event, name)) return;
  act(event, find(name));
}

const keyed = (inside) => [...(inside ?? document).querySelectorAll("[data-key]")];
const seen = (element) => element.checkVisibility?.() ?? true;

// One's own choice goes before a key that a page or a plugin fixed.
function find(name, inside) {
  const matches = keyed(inside).filter((element) => keyOf(element) === name && seen(element));
  return matches.find((element) => element.dataset.act) ?? matches[0];
}

function act(event, element) {
  if (!element || element.disabled) return false;
  event.preventDefault();
  run(element);
  return true;
}

// What a key and the palette do with an element.
export function run(element) {
  if (element.matches(TYPING)) element.focus();
  else element.click();
  if (element.dataset.then) document.querySelector(element.dataset.then)?.focus();
}

function rows() {
  return [...document.querySelectorAll("[data-row]")].filter(seen);
}

function moveOrOpen(event, name) {
  const [next, previous] = [keyFor("next", "j"), keyFor("previous", "k")];
  const all = rows();
  if (!all.length) return false;
  const at = all.findIndex((row) => "cursor" in row.dataset);
  if (name === next || name === previous) {
    const to = at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + (name === next ? 1 : -1)));
    event.preventDefault();
    all.forEach((row) => delete row.dataset.cursor);
    all[to].dataset.cursor = "";
    all[to].scrollIntoView({ block: "nearest" });
    (all[to].matches("a") ? all[to] : all[to].querySelector("a"))?.focus({ preventScroll: true });
    return true;
  }
  if (at < 0) return false;
  if (name === keyFor("select", "x")) return act(event, all[at].querySelector("input[type=checkbox]"));
  if (name !== keyFor("open", "enter")) return false;
  if (name === "enter" && event.target.closest?.("a, button, summary")) return false;
  return act(event, all[at].matches("a") ? all[at] : all[at].querySelector("a"));
}

// Buttons print the usual key; where a person chose another one, that is printed instead.
function printKeys(place) {
  for (const element of place.querySelectorAll?.("[data-act]") ?? []) {
    const key = keyOf(element);
    if (key === element.dataset.key) continue;
    element.setAttribute("aria-keyshortcuts", key);
    const hint = element.querySelector("kbd") ?? element.parentElement.querySelector("input + kbd");
    if (hint) hint.textContent = words(key);
  }
}

// The sheet lists the person's own keys in groups; what this page adds to them is read from the page.
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
    line.append(word, printed(keyOf(element)));
    list.append(line);
  }
  dialog.showModal();
}

export function printed(key) {
  const keys = document.createElement("span");
  for (const part of key.split(" ")) {
    const one = document.createElement("kbd");
    one.textContent = words(part);
    keys.append(one, " ");
  }
  return keys;
}
