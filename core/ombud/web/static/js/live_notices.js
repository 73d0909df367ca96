// The bell of the rail: how many notices are new, asked for at most once a minute, or when the stream says there is one.
import { showTrouble } from "./toasts.js";

const FRESH_MS = 60_000;
const MOST = 99;
const KEY = "ombud-notices";

export function watchNotices() {
  const bell = document.querySelector('.rail a[href="/me/notices"]');
  if (!bell) return null;
  let timer = 0;

  function show(count) {
    bell.querySelector(".rail__count")?.remove();
    if (!count) return;
    const mark = document.getElementById("notice-count").content.cloneNode(true);
    mark.querySelector("[data-count]").textContent = count > MOST ? `${MOST}+` : String(count);
    bell.append(mark);
  }

  async function look(told) {
    timer = 0;
    const answer = await fetch("/live/notices", { redirect: "manual" }).catch(() => null);
    if (!answer?.ok) return;
    const { count } = await answer.json();
    sessionStorage.setItem(KEY, JSON.stringify({ at: Date.now(), count }));
    show(count);
    if (told && count) showTrouble("notice");
  }

  const soon = (wait, told) => {
    if (!timer && !document.hidden) timer = setTimeout(() => look(told), wait);
  };
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (location.pathname === "/me/notices") sessionStorage.removeItem(KEY);
  else if (kept && Date.now() - kept.at < FRESH_MS) show(kept.count);
  else soon(300, false);

  return {
    hear(message) {
      if (message.what === "notice") soon(200, true);
    },
    seen: (long) => long && soon(200, false),
  };
}
