// What the gate found leads to its place in the text; and files that are chosen, not sent yet, count by their names.
export function watchGate() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-passage]");
    const field = link && document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    const [from, to] = link.dataset.passage.split("-").map((place) => units(field.value, Number(place)));
    field.focus();
    field.setSelectionRange(from, to);
    field.scrollTop = field.scrollHeight * (from / Math.max(field.value.length, 1)) - field.clientHeight / 2;
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.id !== "gate") return;
    const files = event.detail.elt.closest("form")?.querySelector("[name=documents]")?.files ?? [];
    event.detail.formData.delete("documents");
    for (const file of files) event.detail.formData.append("named", file.name);
  });
}

// The server counts characters, the browser halves of some.
function units(text, place) {
  return Array.from(text).slice(0, place).join("").length;
}
