// A form whose answer is a file leaves the page as it stood before; it is drawn anew once the desk has counted the file.
const EVERY = 700;
const TRIES = 40;

export function watchTaken() {
  document.addEventListener("submit", async (event) => {
    const { takes, times } = event.target.dataset;
    for (let tried = 0; takes && tried < TRIES; tried += 1) {
      await new Promise((done) => setTimeout(done, EVERY));
      const page = await fetch(takes).then((answer) => (answer.ok ? answer.text() : ""), () => "");
      if (page && !page.includes(`data-times="${times}"`)) return setTimeout(() => location.assign(takes), EVERY);
    }
  });
}
