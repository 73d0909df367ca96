// htmx stores a draft a moment after the typing stops. Here: the words while it is not stored yet, and the question
// before a page with unsaved text is left.
const waiting = new Set();

export function watchDrafts() {
  document.addEventListener("input", (event) => {
    const field = event.target.closest?.("[data-draft]");
    if (!field) return;
    waiting.add(field);
    say(field, "saving");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const field = event.detail.elt;
    if (!field?.matches?.("[data-draft]")) return;
    if (event.detail.successful) waiting.delete(field);
    else say(field, "unsaved");
  });
  document.addEventListener("submit", () => waiting.clear());
  window.addEventListener("beforeunload", (event) => {
    for (const field of waiting) if (field.isConnected) event.preventDefault();
  });
}

function say(field, state) {
  const place = document.querySelector(field.dataset.draft);
  if (place) place.textContent = place.dataset[state] ?? "";
}
