// An open case: who else is on it, and a bar that says what others changed. What somebody reads stays where it is, and the
// composer, its text, the focus and open forms are never replaced.
const SOON_MS = 300;
const PANES = ["header.bar", ".pane--facts", "#timeline", "#why"];

export function watchCase() {
  const place = document.querySelector("[data-live-case]");
  if (!place) return null;
  const { liveCase: reference, liveHref: href } = place.dataset;
  let since = Number(place.dataset.liveSince);
  let heard = since;
  let timer = 0;
  let waiting = false;
  let expires = 0;

  const soon = (wait = SOON_MS) => {
    waiting = true;
    if (document.hidden || timer) return;
    timer = setTimeout(look, wait);
  };

  async function look() {
    timer = 0;
    waiting = false;
    const page = await ask(`/live/cases/${encodeURIComponent(reference)}?since=${since}&heard=${heard}`);
    if (!page) return;
    replace(page, "#case-people");
    const news = page.querySelector("#case-news");
    if (!news) return;
    const seq = Number(news.dataset.liveSeq);
    if (Number(news.dataset.liveMessages) && (await append())) {
      heard = seq;
      return soon();
    }
    const bar = document.getElementById("case-news");
    if (bar && bar.textContent.trim() !== news.textContent.trim()) bar.replaceChildren(...news.childNodes);
    const until = document.getElementById("case-people")?.dataset.liveUntil;
    clearTimeout(expires);
    if (until) expires = setTimeout(soon, Math.max(1000, new Date(until) - Date.now() + 1000));
  }

  // New messages stand below the last one, where the reader is at the end of an unfiltered timeline and sees them come.
  async function append() {
    const talk = document.querySelector("#timeline .talk");
    const list = talk?.querySelector(".timeline");
    if (!list || new URLSearchParams(location.search).get("about")) return false;
    if (talk.scrollHeight - talk.scrollTop - talk.clientHeight > 40) return false;
    const page = await ask(`/live/cases/${encodeURIComponent(reference)}/timeline`);
    const known = new Set([...list.querySelectorAll("[id^=entry-]")].map((each) => each.id));
    const added = [...(page?.querySelectorAll(".timeline > li") ?? [])].filter((each) => {
      const id = (each.matches("[id^=entry-]") ? each : each.querySelector("[id^=entry-]"))?.id;
      return id && !known.has(id);
    });
    if (!added.length) return false;
    list.append(...added);
    talk.scrollTop = talk.scrollHeight;
    return true;
  }

  // On demand: everything but what somebody types into. A form that is open keeps its fields and the version it was made on.
  async function show() {
    const page = await ask(href + location.search);
    if (!page) return location.assign(href);
    const top = document.querySelector("#timeline .talk")?.scrollTop;
    for (const pane of PANES) replace(page, pane);
    const talk = document.querySelector("#timeline .talk");
    if (talk && top !== undefined) talk.scrollTop = top;
    const fresh = page.querySelector("[data-live-case]");
    since = heard = Number(fresh?.dataset.liveSince ?? since);
    document.getElementById("case-news")?.replaceChildren();
    document.getElementById("timeline")?.querySelector(".talk")?.focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-live-show]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show();
  });
  soon();
  return {
    hear: (message) => (message.kind === "look" || message.reference === reference) && soon(message.kind === "look" ? 200 + Math.random() * 1500 : SOON_MS),
    seen: (long) => (waiting || long) && soon(),
  };
}

export async function ask(address, headers = {}, more = {}) {
  try {
    const answer = await fetch(address, { headers, redirect: "manual", ...more });
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return null;
  }
}

export function replace(page, selector) {
  const [old, fresh] = [document.querySelector(selector), page.querySelector(selector)];
  if (!old || !fresh || inUse(old)) return false;
  const node = document.adoptNode(fresh);
  old.replaceWith(node);
  settled(node);
  return true;
}

// Keys, ticks and what htmx does of itself know new parts of a page by this.
export function settled(node) {
  window.htmx?.process(node);
  document.dispatchEvent(new CustomEvent("htmx:afterSettle", { detail: { elt: node } }));
}

// Somebody is in there: the focus, an open menu or form, or text that was not sent.
function inUse(element) {
  if (element.contains(document.activeElement) && document.activeElement !== element) return true;
  if (element.querySelector("details[open] form")) return true;
  return [...element.querySelectorAll("input:not([type=hidden]), textarea")].some((field) =>
    ["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue,
  );
}
