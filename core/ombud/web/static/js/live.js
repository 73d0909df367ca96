// Keeps an open page fresh without moving it: news arrives as ids, the page asks what it means and shows a bar.
import { Line } from "./live_line.js";
import { watchCase } from "./live_case.js";
import { watchInbox } from "./live_inbox.js";
import { watchList } from "./live_list.js";
import { watchNotices } from "./live_notices.js";
import { showTrouble } from "./toasts.js";

const TYPED_MS = 20_000;
const SAYS_MS = 5_000;
const SLEEPS_MS = 30_000;
let send = () => {};
let typedAt = 0;
let over = false;
let hiddenAt = Date.now();

export function watchLive() {
  const place = document.getElementById("live");
  const csrf = document.querySelector("input[name=_csrf]")?.value;
  if (!place?.dataset.user || !csrf || !("EventSource" in window)) return;
  const pages = [watchCase(csrf), watchList(csrf), watchInbox(csrf), watchNotices()].filter(Boolean);
  const hear = (message) => {
    if (message.kind === "ended" && !over) {
      over = true;
      showTrouble("ended");
    }
    if (message.kind === "news" && message.taken) showTrouble("taken");
    if (message.kind === "news" || message.kind === "look") for (const page of pages) page.hear(message);
  };
  send = connect(place, hear);
  const hello = () => send({ kind: "hello", href: place.dataset.href, csrf, cases: shown() });
  hello();
  const say = () => send({ kind: "here", cases: shown() });
  setInterval(say, SAYS_MS);
  document.addEventListener("visibilitychange", () => {
    say();
    // A tab long out of sight may have been put to sleep, and then it missed what was told meanwhile.
    const long = !document.hidden && Date.now() - hiddenAt > SLEEPS_MS;
    if (document.hidden) hiddenAt = Date.now();
    else for (const page of pages) page.seen(long);
  });
  document.addEventListener("input", (event) => {
    if (!event.target.closest?.("form[data-writes], #composer, #decide")) return;
    const began = Date.now() - typedAt > TYPED_MS;
    typedAt = Date.now();
    if (began) say();
  });
  addEventListener("pagehide", () => send({ kind: "bye" }));
  addEventListener("pageshow", (event) => event.persisted && hello());
}

// Only what somebody has in front of them counts as being there.
function shown() {
  const reference = document.querySelector("[data-live-here]")?.dataset.liveHere;
  if (!reference || document.hidden) return {};
  return { [reference]: Date.now() - typedAt < TYPED_MS ? "writing" : "viewing" };
}

// The shared worker; without one (Chrome on Android), the tab that holds a lock leads and the others talk to it; where
// even that is missing each tab listens for itself.
function connect(place, hear) {
  if ("SharedWorker" in window) {
    try {
      const worker = new SharedWorker(place.dataset.worker, { type: "module", name: "ombud-live" });
      worker.port.onmessage = ({ data }) => hear(data);
      worker.onerror = () => {
        send = led(hear);
        send({ kind: "hello", href: place.dataset.href, csrf: document.querySelector("input[name=_csrf]").value, cases: shown() });
      };
      return (message) => worker.port.postMessage(message);
    } catch {
      // a browser may know the name and refuse the thing
    }
  }
  return led(hear);
}

export function led(hear) {
  const me = crypto.randomUUID?.() ?? String(Math.random());
  if (!navigator.locks || !("BroadcastChannel" in window)) {
    const line = new Line();
    return (message) => line.hear(me, message, hear);
  }
  const channel = new BroadcastChannel("ombud-live");
  let line = null;
  let last = null;
  channel.onmessage = ({ data }) => {
    if (data.to === me) hear(data.message);
    else if (data.leader && last) channel.postMessage({ from: me, message: last });
    else if (data.from && line) line.hear(data.from, data.message, (message) => channel.postMessage({ to: data.from, message }));
  };
  navigator.locks.request("ombud-live", () => {
    line = new Line();
    if (last) line.hear(me, last, hear);
    channel.postMessage({ leader: true }); // the tab that led is gone: say hello to the new one
    return new Promise(() => {});
  });
  return (message) => {
    if (message.kind === "hello") last = message;
    if (line) line.hear(me, message, hear);
    else channel.postMessage({ from: me, message });
  };
}
