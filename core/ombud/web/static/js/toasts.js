// A toast leaves after ten seconds, one that can be undone after fifteen; it waits while the pointer or the focus is on
// it. Afterwards the palette still offers "Undo the last change".
const STAYS_MS = 10_000;
const UNDO_MS = 15_000;

export function watchToasts() {
  const place = document.getElementById("toasts");
  if (!place) return;
  for (const toast of place.children) start(toast);
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) if (node instanceof Element) start(node);
  }).observe(place, { childList: true });
}

export function showTrouble(kind) {
  const source = document.getElementById(`trouble-${kind}`);
  const place = document.getElementById("toasts");
  if (!source || !place) return;
  // Said once while it stands: another one would push the first from under the pointer.
  if (place.querySelector(`[data-trouble="${kind}"][data-stays]`)) return;
  const toast = source.content.cloneNode(true);
  toast.firstElementChild.dataset.trouble = kind;
  for (const link of toast.querySelectorAll("a[data-back]")) {
    // What comes out of a template has no address of its own yet, so that `link.search` would change nothing.
    link.setAttribute("href", `${link.getAttribute("href")}?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  place.append(toast);
}

function start(toast) {
  if (toast.hasAttribute("data-stays")) return;
  const stays = toast.querySelector("form") ? UNDO_MS : STAYS_MS;
  let timer = setTimeout(() => toast.remove(), stays);
  const pause = () => clearTimeout(timer);
  const resume = () => {
    clearTimeout(timer);
    if (!toast.matches(":hover, :focus-within")) timer = setTimeout(() => toast.remove(), stays);
  };
  toast.addEventListener("pointerenter", pause);
  toast.addEventListener("focusin", pause);
  toast.addEventListener("pointerleave", resume);
  toast.addEventListener("focusout", () => setTimeout(resume));
}
