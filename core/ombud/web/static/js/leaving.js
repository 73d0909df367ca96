// How long a message can still be taken back: the page names the moment, here it counts down. Not read out each second.
const SOON = 600;

export function watchLeaving() {
  tick();
  setInterval(tick, 1000);
}

function tick() {
  for (const place of document.querySelectorAll("[data-leaves]")) {
    const left = Math.ceil((Date.parse(place.dataset.leaves) - Date.now()) / 1000);
    let words = place.querySelector("[data-left]");
    if (left <= 0 || left > SOON) {
      words?.remove();
      if (left <= 0) place.removeAttribute("data-leaves");
      continue;
    }
    if (!words) {
      words = Object.assign(document.createElement("span"), { ariaHidden: "true" });
      words.dataset.left = "";
      place.append(" ", words);
    }
    words.textContent = place.dataset.words.replace("#", String(left));
  }
}
