// The one stream of news of a browser, and what its tabs show. It runs in the shared worker (live_worker.js), or in the
// tab that leads where there is none (live.js). A tab says hello, says what it shows, and is told what happens.
const LONGEST_MS = 30_000;
const BEAT_MS = 10_000; // the server forgets after thirty seconds
const SILENT_MS = 70_000; // a hidden tab is slowed down to one word a minute
const AGAIN_MS = 5_000; // news younger than this may have come between drawing a page and its hello

export class Line {
  #tabs = new Map();
  #href = "";
  #csrf = "";
  #source = null;
  #failures = 0;
  #timer = 0;
  #recent = [];
  #said = "{}";
  #telling = 0;

  constructor() {
    setInterval(() => this.#beat(), BEAT_MS);
  }

  hear(id, message, send) {
    if (message.kind === "bye") {
      this.#tabs.delete(id);
      return this.#tellSoon();
    }
    const tab = this.#tabs.get(id) ?? { cases: {} };
    this.#tabs.set(id, { ...tab, send, at: Date.now(), cases: message.cases ?? tab.cases });
    if (message.kind === "hello") {
      const other = message.csrf !== this.#csrf;
      this.#href = message.href;
      this.#csrf = message.csrf;
      if (other || !this.#source) this.#open();
      for (const each of this.#recent) if (Date.now() - each.at < AGAIN_MS) send(each.message);
    }
    this.#tellSoon();
  }

  #all(message) {
    for (const tab of this.#tabs.values()) tab.send(message);
  }

  #open() {
    this.#said = ""; // what this browser showed before may still stand on the server
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(this.#href);
    this.#source = source;
    source.onopen = () => (this.#failures = 0);
    source.onmessage = (event) => this.#news({ kind: "news", ...named(JSON.parse(event.data)) });
    source.addEventListener("look", () => this.#all({ kind: "look" }));
    source.addEventListener("ended", () => this.#end());
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED || source !== this.#source) return; // else it comes again by itself
      const wait = Math.min(LONGEST_MS, 1000 * 2 ** this.#failures) * (0.5 + Math.random() / 2);
      this.#failures += 1;
      this.#askWhetherSignedIn();
      this.#timer = setTimeout(() => this.#open(), wait);
    };
  }

  #end() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.#csrf = "";
    this.#all({ kind: "ended" });
  }

  // A refused stream says nothing of why; the same address without events leads to the sign-in page, or nowhere.
  async #askWhetherSignedIn() {
    try {
      const answer = await fetch(this.#href, { redirect: "manual" });
      if (answer.type === "opaqueredirect") this.#end();
    } catch {
      // not to be reached: it is asked again
    }
  }

  #news(message) {
    const at = Date.now();
    this.#recent = [...this.#recent.filter((each) => at - each.at < AGAIN_MS), { at, message }];
    this.#all(message);
  }

  #tellSoon() {
    if (!this.#telling) this.#telling = setTimeout(() => this.#tell(false), 150);
  }

  #beat() {
    for (const [id, tab] of this.#tabs) if (Date.now() - tab.at > SILENT_MS) this.#tabs.delete(id);
    this.#tell(true);
  }

  // What all tabs show together; nothing is said while nobody shows a case, and once when the last one closes.
  async #tell(again) {
    clearTimeout(this.#telling);
    this.#telling = 0;
    const cases = {};
    for (const tab of this.#tabs.values())
      for (const [reference, doing] of Object.entries(tab.cases)) if (cases[reference] !== "writing") cases[reference] = doing;
    const said = JSON.stringify(cases);
    if (!this.#source || (said === this.#said && (!again || said === "{}"))) return;
    this.#said = said;
    try {
      const headers = { "content-type": "application/json", "x-csrf-token": this.#csrf };
      const body = JSON.stringify({ cases });
      const answer = await fetch(`${this.#href}/here`, { method: "POST", headers, body, keepalive: true, redirect: "manual" });
      if (answer.status === 403) this.#askWhetherSignedIn();
    } catch {
      this.#said = ""; // said again at the next beat
    }
  }
}

const named = ({ case: reference, kind, ...rest }) => ({ ...rest, reference, what: kind });
