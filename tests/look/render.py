"""Photograph the sample pages: python tests/look/render.py FOLDER [page …] (all pages without a name).

Each page is taken light, dark and 390 px wide; lay the pictures beside the mock-ups.
"""

import sys
from pathlib import Path

from look_samples import PAGES
from look_stage import stage
from playwright.sync_api import sync_playwright

from ombud.web import assets

SHOTS = {"": (1440, 900, "light"), "-dark": (1440, 900, "dark"), "-390": (390, 844, "light")}


def main(folder: Path, names: list[str]) -> None:
    assets.build()
    folder.mkdir(parents=True, exist_ok=True)
    with stage() as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda message: print(f"{page.url}: {message.text}"))
        for name in names:
            for ending, (width, height, theme) in SHOTS.items():
                page.set_viewport_size({"width": width, "height": height})
                page.goto(f"{address}/{name}?theme={theme}")
                page.screenshot(path=folder / f"{name}{ending}.png", full_page=width < 900 or name.startswith("public"))
        browser.close()
    print(f"{len(names)} pages in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(PAGES))
