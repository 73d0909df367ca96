// An open list: a bar counts what is new, rows that changed get a quiet mark, and nothing moves until somebody asks.
import { ask, settled } from "./live_case.js";

const SOON_MS = 600;
const LEAST_MS = 3_000; // between two questions, however much happens

export function watchList(csrf) {
  const place = document.getElementById("queue-live");
  if (!place) return null;
  const { code, view } = place.dataset;
  let timer = 0;
  let askedAt = 0;
  let waiting = false;

  const rows = () => [...document.querySelectorAll("#rows [data-reference]")];
  const row = (reference) => document.querySelector(`#rows [data-reference="${CSS.escape(reference)}"]`);

  const soon = (wait = SOON_MS) => {
    waiting = true;
    if (document.hidden || timer) return;
    timer = setTimeout(look, Math.max(wait, askedAt + LEAST_MS - Date.now()));
  };

  async function look() {
    timer = 0;
    waiting = false;
    askedAt = Date.now();
    const body = new URLSearchParams({
      shown: rows().map((each) => `${each.dataset.reference}=${each.dataset.stamp}`).join(" "),
      whole: document.getElementById("more") ? "0" : "1",
    });
    const page = await ask(`/live${location.pathname}${location.search}`, { "x-csrf-token": csrf }, { method: "POST", body });
    if (!page) return;
    tellCounts(page);
    const bar = page.querySelector("#queue-fresh");
    mark(bar.dataset);
    if (place.textContent.trim() !== bar.textContent.trim()) {
      place.replaceChildren(...bar.childNodes);
      settled(place);
    }
  }

  function mark({ changed, gone, wordChanged, wordGone }) {
    const words = new Map([...changed.split(" ").map((each) => [each, wordChanged]), ...gone.split(" ").map((each) => [each, wordGone])]);
    for (const each of rows()) {
      const word = words.get(each.dataset.reference) ?? "";
      if ((each.dataset.stale ?? "") === word) continue;
      each.querySelector(".rows__stale")?.remove();
      delete each.dataset.stale;
      if (!word) continue;
      each.dataset.stale = word;
      const said = Object.assign(document.createElement("span"), { className: "rows__stale", title: word });
      said.append(Object.assign(document.createElement("span"), { className: "sr", textContent: word }));
      each.querySelector(".rows__main")?.prepend(said);
    }
  }

  function tellCounts(page) {
    const counts = page.querySelector("#queue-counts");
    for (const each of counts.children) {
      const link = [...document.querySelectorAll(".side__item")].find((one) => one.pathname === `/queues/${encodeURIComponent(each.dataset.queue)}`);
      const shown = link?.querySelector(".side__count");
      if (shown && shown.textContent !== each.textContent) shown.textContent = each.textContent;
    }
    const at = document.querySelector(".side__note time");
    if (at && counts.dataset.at) Object.assign(at, { dateTime: counts.dataset.at, textContent: counts.dataset.hour });
  }

  // The person asked: the rows are drawn anew, as many as there were; ticks, cursor, focus and place in the list stay.
  async function refresh() {
    const had = rows().length;
    const ticked = new Set([...document.querySelectorAll("#rows input[name=reference]:checked")].map((each) => each.value));
    const cursor = document.querySelector("#rows [data-cursor]")?.dataset.reference;
    const focused = document.activeElement?.closest?.("[data-reference]")?.dataset.reference;
    const page = await ask(location.pathname + location.search, { "HX-Target": "rows", "HX-Request": "true" });
    const fresh = page?.querySelector("#rows");
    if (!fresh) return location.reload();
    for (let more = fresh.querySelector("#more"); more && fresh.querySelectorAll("[data-reference]").length < had; more = fresh.querySelector("#more")) {
      const next = await ask(more.querySelector("a").href, { "HX-Target": "more", "HX-Request": "true" });
      const groups = next?.querySelectorAll("tbody");
      if (!groups?.length) break;
      more.replaceWith(...groups);
    }
    const anchor = row(cursor ?? focused ?? "") ?? firstInView();
    const at = anchor?.getBoundingClientRect().top;
    const node = document.adoptNode(fresh);
    document.getElementById("rows").replaceWith(node);
    settled(node);
    for (const each of ticked) {
      const box = row(each)?.querySelector("input[name=reference]");
      if (box && !box.checked) box.click();
    }
    if (cursor && row(cursor)) row(cursor).dataset.cursor = "";
    if (focused) row(focused)?.querySelector("a")?.focus({ preventScroll: true });
    else document.getElementById("picked")?.focus({ preventScroll: true });
    const now = anchor && row(anchor.dataset.reference)?.getBoundingClientRect().top;
    if (now !== undefined && now !== null) scroller().scrollTop += now - at;
    place.replaceChildren();
  }

  const scroller = () => {
    const form = document.getElementById("picked");
    return form && form.scrollHeight > form.clientHeight ? form : document.scrollingElement;
  };
  const firstInView = () => {
    const top = scroller() === document.scrollingElement ? 0 : scroller().getBoundingClientRect().top;
    return rows().find((each) => each.getBoundingClientRect().bottom > top + 8);
  };

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-live-refresh]") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    refresh();
  });
  // Filters drew the rows anew: what the bar said of the old ones is over.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "rows") place.replaceChildren();
  });
  const concerns = (message) => message.queue === code || view === "1" || Boolean(row(message.reference));
  return {
    hear(message) {
      if (message.kind === "look") return soon(500 + Math.random() * 2500);
      if (message.what === "presence") return;
      if (concerns(message)) soon();
      else countsSoon();
    },
    seen: (long) => (waiting || long) && soon(),
  };

  function countsSoon() {
    if (document.querySelector(".side__count")) soon(LEAST_MS);
  }
}
