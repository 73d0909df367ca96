// Ticked rows: all on the page, a range with Shift, how many, said politely. What was ticked stays so when a filter
// swaps the rows, also the cases that are not among them: those are sent along.
const picked = new Set();
let last = null;

export function watchSelection() {
  const form = document.querySelector("form[data-picked]");
  document.addEventListener("change", (event) => {
    const tick = event.target.matches?.("[data-row] input[type=checkbox]") ? event.target : null;
    if (tick) note(tick, form);
  });
  if (!form) return;
  document.addEventListener("click", (event) => range(event, form));
  form.querySelector("[data-select-all]")?.addEventListener("click", () => tickAll(form));
  form.querySelector("[data-select-none]")?.addEventListener("click", () => tickNone(form));
  document.addEventListener("htmx:afterSettle", () => again(form));
  for (const tick of ticks(form)) if (tick.checked) note(tick, form);
  show(form);
}

const ticks = (form) => [...form.querySelectorAll("[data-row] input[type=checkbox][name=reference]")];

function note(tick, form) {
  tick.closest("[data-row]").toggleAttribute("data-selected", tick.checked);
  if (!form || !form.contains(tick)) return;
  if (tick.checked) picked.add(tick.value);
  else picked.delete(tick.value);
  show(form);
}

function set(tick, on) {
  tick.checked = on;
  tick.closest("[data-row]").toggleAttribute("data-selected", on);
  if (on) picked.add(tick.value);
  else picked.delete(tick.value);
}

function range(event, form) {
  const tick = event.target.closest?.("[data-row] input[name=reference]");
  if (!tick) return;
  const all = ticks(form);
  if (event.shiftKey && last && all.includes(last)) {
    const [from, to] = [all.indexOf(last), all.indexOf(tick)].sort((one, other) => one - other);
    for (const each of all.slice(from, to + 1)) set(each, tick.checked);
    show(form);
  }
  last = tick;
}

function tickAll(form) {
  const all = ticks(form);
  const on = all.some((tick) => !tick.checked);
  for (const tick of all) set(tick, on);
  show(form);
}

function tickNone(form) {
  picked.clear();
  for (const tick of ticks(form)) set(tick, false);
  show(form);
}

function again(form) {
  for (const tick of ticks(form)) if (picked.has(tick.value)) set(tick, true);
  show(form);
}

function show(form) {
  const here = new Set(ticks(form).map((tick) => tick.value));
  const away = [...picked].filter((reference) => !here.has(reference));
  for (const old of form.querySelectorAll("[data-away-row]")) old.remove();
  for (const reference of away) {
    const hidden = document.createElement("input");
    hidden.type = "hidden";
    hidden.name = "reference";
    hidden.value = reference;
    hidden.dataset.awayRow = "";
    form.append(hidden);
  }
  const told = form.querySelector("[data-told]");
  if (!told) return;
  const some = `${form.dataset.some}${picked.size}${away.length ? ` (${form.dataset.away}${away.length})` : ""}`;
  told.textContent = picked.size ? some : form.dataset.none;
  form.querySelector("[data-select-all]").hidden = !here.size;
  form.querySelector("[data-select-none]").hidden = !picked.size;
}
