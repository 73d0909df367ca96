// Every page works without this file; it makes the workplace quicker.
import { watchPreferences } from "./preferences.js";
import { watchKeys } from "./keys.js";
import { showTrouble, watchToasts } from "./toasts.js";
import { watchGate } from "./gate.js";
import { watchDrafts } from "./drafts.js";
import { watchLeaving } from "./leaving.js";
import "./reveal.js";
import { watchTaken } from "./taken.js";
import { watchSelection } from "./selection.js";
import { watchPalette } from "./palette.js";
import { watchLive } from "./live.js";
import { watchPins, watchQuotes } from "./pins.js";

watchPreferences();
watchKeys();
watchToasts();
watchDrafts();
watchGate();
watchLeaving();
watchSelection();
watchTaken();
watchPalette();
watchLive();
watchPins();
watchQuotes();

const dialog = document.getElementById("dialog");

// A form that htmx puts into the dialog opens it; an answer that leaves it empty closes it.
document.addEventListener("htmx:afterSwap", (event) => {
  if (!dialog || event.detail.target.id !== "dialog-body") return;
  const filled = event.detail.target.childElementCount > 0;
  if (filled && !dialog.open) dialog.showModal();
  if (!filled && dialog.open) dialog.close();
});

// A form that htmx sent and the server answered with a redirect: go there, as without htmx.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (requestConfig.verb === "get" || !xhr.responseURL) return;
  if (new URL(xhr.responseURL).pathname === new URL(requestConfig.path, location.href).pathname) return;
  event.detail.shouldSwap = false;
  location.assign(xhr.responseURL);
});

// A draft and a plugin's slot say it in their own place.
const ownWords = (event) => event.detail.elt.closest?.("[data-draft], .slot");
document.addEventListener("htmx:sendError", (event) => ownWords(event) || showTrouble("unreachable"));
document.addEventListener("htmx:responseError", (event) => {
  if (!ownWords(event)) showTrouble(event.detail.xhr.status === 403 ? "refused" : "failed");
});

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const closing = target?.closest("[data-close]")?.closest("dialog[open]");
  if (closing) {
    event.preventDefault();
    closing.close();
  }
  if (target?.closest("[data-print]")) window.print();
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

// A server that refused a form puts the summary of what to correct on top: read it out and bring it into view.
const toSummary = () => document.querySelector("dialog[open] [data-summary], [data-summary]")?.focus();
document.addEventListener("htmx:afterSettle", (event) => event.detail.elt.querySelector?.("[data-summary]") && toSummary());
toSummary();
