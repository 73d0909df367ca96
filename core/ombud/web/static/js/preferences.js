// A change of theme, density or keys shows at once; the form itself stores it on the server.
const root = document.documentElement;

export function watchPreferences() {
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!(field instanceof Element) || !field.closest("form[data-preferences]")) return;
    const value = field.type === "checkbox" ? (field.checked ? "on" : "off") : field.value;
    if (value === "auto") delete root.dataset[field.name];
    else root.dataset[field.name] = value;
  });
}
