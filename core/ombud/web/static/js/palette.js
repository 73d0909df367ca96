// Ctrl+K: what can be done on this page, where to go, and cases and people by name. The actions are read from the page;
// places come from the server once, and what is typed is looked up there. A combobox with a listbox, as ARIA has it.
import { keyOf, printed, run } from "./keys.js";

const LAST = "ombud_palette_last";
const WAIT_MS = 150;
const MOST = 40;
let dialog;
let words;
let list;
let places = null;
let placesAway = false;
let found = { for: "", items: [], state: "idle" };
let shown = [];
let at = -1;
let timer = 0;
let asking = null;

export function watchPalette() {
  dialog = document.getElementById("palette");
  if (!dialog) return;
  words = dialog.querySelector("#palette-words");
  list = dialog.querySelector("#palette-list");
  for (const button of document.querySelectorAll("[data-palette-open]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  words.addEventListener("input", () => { at = -1; look(); draw(); });
  words.addEventListener("keydown", move);
  list.addEventListener("click", (event) => choose(event.target.closest("[role=option]")));
  list.addEventListener("pointermove", (event) => point(event.target.closest("[role=option]")));
  dialog.addEventListener("close", () => { asking?.abort(); clearTimeout(timer); });
}

function open() {
  const other = document.querySelector("dialog[open]");
  if (other) other.close();
  words.value = "";
  at = -1;
  found = { for: "", items: [], state: "idle" };
  dialog.showModal();
  words.focus();
  draw();
  if (!places) askPlaces();
}

async function askPlaces() {
  try {
    const answer = await fetch("/palette", { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    places = (await answer.json()).items;
    placesAway = false;
  } catch {
    placesAway = true;
  }
  draw();
}

// Cases, people and messages, a moment after the typing stops.
function look() {
  clearTimeout(timer);
  asking?.abort();
  const text = words.value.trim();
  if (text.length < 2) { found = { for: "", items: [], state: "idle" }; return; }
  timer = setTimeout(() => ask(text), WAIT_MS);
}

async function ask(text) {
  asking = new AbortController();
  try {
    const address = `/search/quick?q=${encodeURIComponent(text)}`;
    const answer = await fetch(address, { headers: { accept: "application/json" }, signal: asking.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const items = await answer.json();
    if (!Array.isArray(items)) throw new Error("no list");
    found = { for: text, items, state: "ready" };
  } catch (problem) {
    if (problem.name === "AbortError") return;
    found = { for: text, items: [], state: "away" };
  }
  if (words.value.trim() === text) draw();
}

// What the page offers: elements with a key or a name for the palette, also those in closed menus, and what cannot be
// done now with its reason.
function ofPage() {
  const items = [];
  for (const element of document.querySelectorAll("[data-key-label], [data-palette]")) {
    if (element.closest(".rail, dialog")) continue;
    const label = element.dataset.palette || element.dataset.keyLabel;
    const key = element.dataset.key ? keyOf(element) : "";
    const reason = element.dataset.reason ?? (element.disabled ? dialog.dataset.notNow : "");
    if (!reason && !reachable(element)) continue;
    items.push({ group: dialog.dataset.here, label, keys: key, reason, icon: iconOf(element), element });
  }
  return items.filter((item, place) => {
    const before = items.slice(0, place).find((other) => other.label === item.label || leadTo(other, item));
    if (before && item.label.length > before.label.length) before.label = item.label;
    return !before;
  });
}

// Two links to one form are one action; the longer name says more.
const leadTo = (one, other) => Boolean(one.element.href) && one.element.href === other.element.href;

const menuOf = (element) => element.closest("details:not([open])");
const reachable = (element) => Boolean(menuOf(element)) || (element.checkVisibility?.() ?? true)
  || element.matches("input[type=radio]");
const iconOf = (element) => (element.querySelector("use") ?? element.parentElement?.querySelector("use"))
  ?.getAttribute("href")?.split("#")[1] ?? "";

// A small scorer: letters in order, better at beginnings of words and side by side. 0 is no match.
function score(text, wanted) {
  if (!wanted) return 1;
  const low = text.toLowerCase();
  const straight = low.indexOf(wanted);
  if (straight >= 0) return 100 - Math.min(straight, 40) + (straight === 0 || /\W/.test(low[straight - 1]) ? 40 : 0);
  let points = 0;
  let from = 0;
  for (const letter of wanted.replaceAll(" ", "")) {
    const place = low.indexOf(letter, from);
    if (place < 0) return 0;
    points += place === 0 || /\W/.test(low[place - 1]) ? 6 : place === from ? 3 : 0;
    if (place > from + 12) points -= 2;
    from = place + 1;
  }
  return Math.max(0, points - wanted.length);
}

function gather() {
  const text = words.value.trim().toLowerCase();
  const recent = readLast();
  const own = [...ofPage(), ...(places ?? [])].map((item) => {
    const points = Math.max(score(item.label, text), score(`${item.label} ${item.detail ?? ""}`, text) * 0.6);
    const known = recent.indexOf(item.label);
    const next = item.element?.closest(".card--lead") ? 8 : 0;
    return { ...item, points: points && points + next + (known < 0 ? 0 : 12 - known) };
  }).filter((item) => item.points > 0);
  own.sort((one, other) => Boolean(one.reason) - Boolean(other.reason) || other.points - one.points);
  const records = found.items.map((item) => ({
    group: dialog.dataset.found, label: item.label, detail: [kind(item.kind), item.detail].filter(Boolean).join(" · "),
    href: item.href, icon: { case: "folder", person: "user", message: "message" }[item.kind] ?? "search", points: 1,
  })).filter((item) => ownAddress(item.href));
  const all = [...own.slice(0, MOST), ...records];
  if (found.state === "away" && text.length > 1) all.push(said(dialog.dataset.found, dialog.dataset.away));
  if (placesAway) all.push(said(dialog.dataset.found, dialog.dataset.placesAway));
  if (!all.length) all.push(said("", `${dialog.dataset.none} ${dialog.dataset.noneMore}`));
  return all;
}

function ownAddress(href) {
  try { return new URL(href, location.href).origin === location.origin; } catch { return false; }
}

const kind = (code) => dialog.dataset[`kind${(code ?? "").replace(/^./, (sign) => sign.toUpperCase())}`] ?? "";
const said = (group, label) => ({ group, label, note: true, icon: "info-circle" });

function draw() {
  if (!dialog.open) return;
  const all = gather();
  const groups = [...new Set(all.map((item) => item.group))];
  shown = groups.flatMap((group) => all.filter((item) => item.group === group));
  list.replaceChildren();
  for (const [number, group] of groups.entries()) {
    const box = document.createElement("div");
    box.role = "group";
    if (group) {
      const head = document.createElement("p");
      head.className = "side__title";
      head.id = `palette-group-${number}`;
      head.textContent = group;
      box.setAttribute("aria-labelledby", head.id);
      box.append(head);
    }
    for (const item of shown.filter((each) => each.group === group)) box.append(option(item, shown.indexOf(item)));
    list.append(box);
  }
  if (at < 0 || !usable(shown[at])) at = shown.findIndex(usable);
  mark();
  const many = shown.filter((item) => !item.note).length;
  const notes = shown.filter((item) => item.note).map((item) => item.label);
  dialog.querySelector("#palette-told").textContent = [dialog.dataset.count + many, ...notes].join(". ");
}

const usable = (item) => item && !item.reason && !item.note;

function option(item, number) {
  const line = document.createElement("div");
  line.role = "option";
  line.id = `palette-${number}`;
  line.className = "palette__item";
  line.setAttribute("aria-selected", "false");
  if (!usable(item)) line.setAttribute("aria-disabled", "true");
  if (item.icon) line.append(drawn(item.icon));
  const label = document.createElement("span");
  bold(label, item.label);
  const detail = document.createElement("span");
  detail.className = "meta";
  detail.textContent = item.reason || item.detail || "";
  line.append(label, detail);
  if (item.keys) {
    const keys = printed(item.keys);
    keys.className = "end";
    line.append(keys);
  }
  return line;
}

function drawn(name) {
  const space = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(space, "svg");
  icon.setAttribute("class", "icon icon--small");
  icon.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${dialog.dataset.sprite}#${name}`);
  icon.append(use);
  return icon;
}

function bold(place, text) {
  const wanted = words.value.trim().toLowerCase();
  const from = wanted ? text.toLowerCase().indexOf(wanted) : -1;
  if (from < 0) { place.textContent = text; return; }
  const strong = document.createElement("b");
  strong.textContent = text.slice(from, from + wanted.length);
  place.append(text.slice(0, from), strong, text.slice(from + wanted.length));
}

function mark() {
  for (const [number, line] of [...list.querySelectorAll("[role=option]")].entries()) {
    line.setAttribute("aria-selected", String(number === at));
    if (number === at) line.scrollIntoView({ block: "nearest" });
  }
  if (at >= 0) words.setAttribute("aria-activedescendant", `palette-${at}`);
  else words.removeAttribute("aria-activedescendant");
}

// The arrows also stop at lines that cannot be run, so that their reason is read; they go round at the ends.
function move(event) {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in steps && shown.length) {
    event.preventDefault();
    at = (at + steps[event.key] + shown.length) % shown.length;
    mark();
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(document.getElementById(`palette-${at}`));
  }
}

function point(line) {
  if (!line) return;
  const number = Number(line.id.split("-")[1]);
  if (number !== at) { at = number; mark(); }
}

function choose(line) {
  const item = line && shown[Number(line.id.split("-")[1])];
  if (!usable(item)) return;
  keepLast(item.label);
  dialog.close();
  if (item.post) send(item.post);
  else if (item.href) location.assign(item.href);
  else reach(item.element);
}

// An element in a closed menu opens it first; a button whose form still wants something leads to that field.
function reach(element) {
  for (let menu = menuOf(element); menu && !element.matches("summary"); menu = menuOf(element)) menu.open = true;
  element.scrollIntoView({ block: "nearest" });
  const empty = element.matches("button") && [...(element.form?.elements ?? [])].find((field) => !field.checkValidity());
  if (empty) empty.focus();
  else run(element);
}

function send(address) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = address;
  form.append(document.querySelector("input[name=_csrf]").cloneNode());
  document.body.append(form);
  form.submit();
}

// The last five, for this tab alone: names of actions and places, never of people or cases.
function readLast() {
  try { return JSON.parse(sessionStorage.getItem(LAST) ?? "[]"); } catch { return []; }
}

function keepLast(label) {
  if (found.items.some((item) => item.label === label)) return;
  try { sessionStorage.setItem(LAST, JSON.stringify([label, ...readLast().filter((each) => each !== label)].slice(0, 5))); } catch { /* it ranks as before */ }
}
