// Words that are selected in a message can be pinned to an aspect: a button stands below them, and next in the order of
// Tab. It sends where they begin, counted as the server counts, in signs of the message without the marks in it.
import { ask, replace } from "./live_case.js";

export function watchPins() {
  const offer = document.getElementById("pin-offer");
  if (!offer) return;
  const home = offer.parentElement;
  const [opener, choices] = [offer.querySelector("[aria-expanded]"), offer.querySelector("#pin-aspects")];

  const open = (wide) => {
    opener.setAttribute("aria-expanded", String(wide));
    choices.hidden = !wide;
  };
  const hide = () => {
    if (offer.hidden) return;
    offer.hidden = true;
    open(false);
    home.append(offer);
    say("");
  };

  document.addEventListener("selectionchange", () => {
    if (offer.contains(document.activeElement)) return;
    const found = selected();
    if (!found) return hide();
    const fresh = offer.hidden || offer.elements.message.value !== found.text.dataset.said;
    offer.elements.message.value = found.text.dataset.said;
    offer.elements.quote.value = found.words;
    offer.elements.start.value = found.start;
    if (offer.previousElementSibling !== found.text) found.text.after(offer);
    offer.hidden = false;
    beside(found.range, offer);
    if (fresh) say(offer.dataset.ready);
  });
  // A press on the button leaves the words selected.
  offer.addEventListener("mousedown", (event) => event.preventDefault());
  opener.addEventListener("click", () => {
    open(choices.hidden);
    if (getSelection().rangeCount) beside(getSelection().getRangeAt(0), offer);
    if (!choices.hidden) choices.querySelector("button").focus({ preventScroll: true });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || offer.hidden) return;
    event.preventDefault();
    const text = offer.previousElementSibling;
    hide();
    getSelection().collapseToEnd();
    focus(text);
  });
  offer.addEventListener("submit", (event) => {
    event.preventDefault();
    pin(offer, event.submitter, hide);
  });
}

async function pin(offer, button, hide) {
  const fields = new FormData(offer, button);
  const page = await ask(offer.action, {}, { method: "POST", body: new URLSearchParams(fields), redirect: "follow" });
  if (!page) {
    // The page that follows says why.
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "aspect", value: button.value });
    offer.append(field);
    return HTMLFormElement.prototype.submit.call(offer);
  }
  hide();
  getSelection().removeAllRanges();
  const entry = `#entry-${fields.get("message")}`;
  const shown = page.querySelector(entry) ? page : await ask(location.href);
  if (shown) replace(shown, entry);
  const toast = page.querySelector("#toasts > *");
  if (toast) document.getElementById("toasts")?.append(document.adoptNode(toast));
  focus(document.querySelector(entry));
}

function focus(element) {
  if (!element) return;
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

// The selected words of one message, or null: a selection that leaves the message pins nothing.
function selected() {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0).cloneRange();
  const text = range.startContainer.parentElement?.closest("[data-said]") ?? range.startContainer.closest?.("[data-said]");
  if (!text) return null;
  if (!text.contains(range.endContainer)) {
    // A triple click ends at the beginning of what follows.
    const over = range.cloneRange();
    over.setStartAfter(text);
    if (over.toString().trim()) return null;
    range.setEnd(text, text.childNodes.length);
  }
  const words = said(range);
  if (!words.trim()) return null;
  const before = document.createRange();
  before.setStart(text, 0);
  before.setEnd(range.startContainer, range.startOffset);
  return { text, words, range, start: Number(text.dataset.saidFrom) + [...said(before)].length };
}

// What a message says in a range, without the marks of pins.
function said(range) {
  const part = range.cloneContents();
  for (const mark of part.querySelectorAll("[data-not-said]")) mark.remove();
  return part.textContent;
}

// Below the words, or above them where the timeline ends.
function beside(range, offer) {
  const [words, around] = [range.getBoundingClientRect(), offer.offsetParent?.getBoundingClientRect()];
  if (!around) return;
  const end = offer.closest(".talk")?.getBoundingClientRect().bottom ?? innerHeight;
  const below = words.bottom + offer.offsetHeight + 8 <= end;
  const top = below ? words.bottom + 4 : words.top - offer.offsetHeight - 4;
  offer.style.top = `${Math.round(top - around.top)}px`;
  offer.style.left = `${Math.max(0, Math.min(Math.round(words.left - around.left), around.width - offer.offsetWidth))}px`;
}

function say(words) {
  const place = document.getElementById("pin-said");
  if (place && place.textContent !== words) place.textContent = words;
}

// On the aspect's page: words selected in the whole message, with the arrow keys too, go into the box below it.
export function watchQuotes() {
  const whole = document.querySelector("[data-quote-into]");
  const box = whole && document.querySelector(whole.dataset.quoteInto);
  if (!box) return;
  const start = box.form.elements.start;
  whole.addEventListener("select", () => {
    box.value = whole.value.slice(whole.selectionStart, whole.selectionEnd);
    start.value = [...whole.value.slice(0, whole.selectionStart)].length;
    say(whole.dataset.taken);
  });
  box.addEventListener("input", () => (start.value = ""));
}
