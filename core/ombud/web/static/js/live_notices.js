// Counts of the rail: new notices on the bell, and redress that waits for this person at its place. Asked for at most once a
// minute, or when the stream says that one of them may differ.
import { showTrouble } from "./toasts.js";

const FRESH_MS = 60_000;
const MAYBE_MS = 3_000;
const MOST = 99;
const KEY = "ombud-notices";

export function watchNotices() {
  const bell = document.querySelector('.rail a[href="/me/notices"]');
  const redress = document.querySelector('.rail a[href="/redress"]');
  if (!bell) return null;
  let timer = 0;
  let waiting = 0;

  function show(place, words, count) {
    if (!place) return;
    place.querySelector(".rail__count")?.remove();
    if (!count) return;
    const mark = document.getElementById(words).content.cloneNode(true);
    mark.querySelector("[data-count]").textContent = count > MOST ? `${MOST}+` : String(count);
    place.append(mark);
  }

  function showAll(found) {
    waiting = found.redress ?? 0;
    show(bell, "notice-count", found.count);
    show(redress, "waiting-count", waiting);
  }

  async function look(told) {
    timer = 0;
    const answer = await fetch("/live/notices", { redirect: "manual" }).catch(() => null);
    if (!answer?.ok) return;
    const found = await answer.json();
    sessionStorage.setItem(KEY, JSON.stringify({ at: Date.now(), found }));
    showAll(found);
    if (told && found.count) showTrouble("notice");
  }

  const soon = (wait, told) => {
    if (!timer && !document.hidden) timer = setTimeout(() => look(told), wait);
  };
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  const own = ["/me/notices", "/redress"].includes(location.pathname);
  if (own) sessionStorage.removeItem(KEY);
  if (!own && kept?.found && Date.now() - kept.at < FRESH_MS) showAll(kept.found);
  else if (location.pathname !== "/me/notices") soon(300, false);

  return {
    hear(message) {
      if (message.what === "notice") soon(200, true);
      // What became of a request is told as a change of its case.
      else if (redress && message.what?.startsWith("redress.")) soon(200, false);
      else if (waiting && message.what === "case.changed") soon(MAYBE_MS, false);
    },
    seen: (long) => long && soon(200, false),
  };
}
