// An open inbox: a bar counts what is new or gone, and nothing moves until somebody asks.
import { ask, settled } from "./live_case.js";

const SOON_MS = 600;
const LEAST_MS = 3_000; // between two questions, however much happens

export function watchInbox(csrf) {
  const place = document.getElementById("inbox-live");
  if (!place) return null;
  let timer = 0;
  let askedAt = 0;
  let waiting = false;

  const soon = (wait = SOON_MS) => {
    waiting = true;
    if (document.hidden || timer) return;
    timer = setTimeout(look, Math.max(wait, askedAt + LEAST_MS - Date.now()));
  };

  async function look() {
    timer = 0;
    waiting = false;
    askedAt = Date.now();
    const shown = [...document.querySelectorAll("#rows [data-message]")].map((each) => each.dataset.message);
    const body = new URLSearchParams({ shown: shown.join(" "), whole: document.getElementById("more") ? "0" : "1" });
    const page = await ask(`/live/inbox${location.search}`, { "x-csrf-token": csrf }, { method: "POST", body });
    const bar = page?.querySelector("#inbox-fresh");
    if (!bar || place.textContent.trim() === bar.textContent.trim()) return;
    place.replaceChildren(...bar.childNodes);
    settled(place);
  }

  return {
    hear(message) {
      if (message.kind === "look") soon(500 + Math.random() * 2500);
      else if (message.what === "inbox") soon();
    },
    seen: (long) => (waiting || long) && soon(),
  };
}
