// The bell of the rail: how many notices are new, asked for at most once a minute, or when the stream says there is one.
import { ask } from "./live_case.js";

const FRESH_MS = 60_000;
const KEY = "ombud-notices";

export function watchNotices(csrf) {
  const bell = document.querySelector('.rail a[href="/me/notices"]');
  if (!bell) return null;
  let timer = 0;

  function show(html, told) {
    bell.querySelector(".rail__count")?.remove();
    const count = new DOMParser().parseFromString(html, "text/html").querySelector(".rail__count");
    if (!count) return;
    bell.append(count);
    if (told) document.getElementById("toasts")?.append(toast(bell));
  }

  function toast(source) {
    const template = document.getElementById("trouble-notice");
    return template ? template.content.cloneNode(true) : document.createTextNode(source.textContent);
  }

  async function look(told) {
    timer = 0;
    const page = await ask("/live/notices", { "x-csrf-token": csrf });
    if (!page) return;
    const html = page.querySelector(".rail__count")?.outerHTML ?? "";
    sessionStorage.setItem(KEY, JSON.stringify({ at: Date.now(), html }));
    show(html, told && html !== "");
  }

  const soon = (wait, told) => {
    if (!timer && !document.hidden) timer = setTimeout(() => look(told), wait);
  };
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (location.pathname === "/me/notices") sessionStorage.removeItem(KEY);
  else if (kept && Date.now() - kept.at < FRESH_MS) show(kept.html, false);
  else soon(300, false);

  return {
    hear(message) {
      if (message.what === "notice") soon(200, true);
    },
    seen: (long) => long && soon(200, false),
  };
}
