// htmx stores a draft a moment after the typing stops. Here: the words while it is not stored yet, the question before a
// page with unsaved text is left, and the text itself where the session ended in between: it waits in this tab, for the same
// person, until they are signed in again.
const waiting = new Set();
const KEEPS = "ombud-draft";

export function watchDrafts() {
  // htmx must know the boxes by then, or it would not store what is put into them.
  if (document.readyState === "complete") rescue();
  else addEventListener("load", rescue);
  document.addEventListener("input", (event) => {
    const field = keeperOf(event.target);
    if (!field) return;
    waiting.add(field);
    say(field, "saving");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const field = event.detail.elt;
    if (!field?.matches?.("[data-draft]")) return;
    if (event.detail.successful) {
      waiting.delete(field);
      sessionStorage.removeItem(KEEPS);
    } else if (event.detail.xhr.status !== 409) {
      say(field, "unsaved");
      put(field);
    }
  });
  document.addEventListener("submit", () => {
    waiting.clear();
    sessionStorage.removeItem(KEEPS);
  });
  window.addEventListener("beforeunload", (event) => {
    for (const field of waiting) if (field.isConnected) event.preventDefault();
  });
  window.addEventListener("pagehide", () => {
    for (const field of waiting) if (field.isConnected) put(field);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-swap]");
    const text = button?.parentElement.querySelector("pre");
    const box = button?.closest("form")?.querySelector("textarea[data-draft]");
    if (!text || !box) return;
    [box.value, text.textContent] = [text.textContent, box.value];
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  });
}

// The box itself, or for a whole form the element in it that stores it.
const keeperOf = (target) => target.closest?.("[data-draft]") ?? target.closest?.("form")?.querySelector("[data-draft-form]");

function say(field, state) {
  const place = document.querySelector(field.dataset.draft);
  if (place) place.textContent = place.dataset[state] ?? "";
}

const user = () => document.getElementById("live")?.dataset.user ?? "";

function put(field) {
  const form = field.closest("form");
  const parts = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "_csrf");
  if (user()) sessionStorage.setItem(KEEPS, JSON.stringify({ user: user(), path: location.pathname, form: form.id, parts }));
}

function rescue() {
  const kept = JSON.parse(sessionStorage.getItem(KEEPS) ?? "null");
  if (!kept || !user()) return;
  if (kept.user !== user()) return sessionStorage.removeItem(KEEPS); // somebody else sits here now
  if (kept.path !== location.pathname) return;
  const form = kept.form ? document.getElementById(kept.form) : document.querySelector("form:has([data-draft-form])");
  if (!form) return;
  sessionStorage.removeItem(KEEPS);
  const seen = new Map();
  for (const [name, value] of kept.parts) {
    const at = seen.get(name) ?? 0;
    seen.set(name, at + 1);
    const field = form.querySelectorAll(`textarea[name="${CSS.escape(name)}"], input[name="${CSS.escape(name)}"]:not([type=hidden], [type=radio], [type=checkbox])`)[at];
    if (!field || field.value === value || !value) continue;
    if (field.value.trim()) beside(field, value);
    else field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// The server holds another text: both stay, side by side.
function beside(field, value) {
  const words = document.querySelector(keeperOf(field)?.dataset.draft)?.dataset;
  const place = document.createElement("div");
  place.className = "composer__line";
  const said = Object.assign(document.createElement("strong"), { textContent: words?.rescued ?? "" });
  place.append(said, Object.assign(document.createElement("pre"), { textContent: value }));
  if (field.matches("[data-draft]")) {
    const swap = Object.assign(document.createElement("button"), { type: "button", className: "button button--small", textContent: words?.take ?? "" });
    swap.dataset.swap = "";
    place.append(swap);
  }
  field.after(place);
}
