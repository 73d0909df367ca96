"""How a page looks in each light and width: barriers that axe finds, what does not fit, and pictures."""

from io import BytesIO
from pathlib import Path
from typing import Any

from axe import RULES, barriers, contrast, sized, wear, whole
from PIL import Image

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
NARROWEST = 320


def look(page: Any, address: str, seen: set[tuple[str, int]], other: Path) -> list[str]:
    """Opens the page, in light, then dark, then at 320 pixels, each in the theme it has and in another, whose sheet is
    `other`; what is wrong, in words. The page is `axe.ready`; `seen`: looks of texts that earlier pages showed."""
    sized(page, **WIDE)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(address)
    wrong = [f"light: {each}" for each in whole(page, RULES, seen)]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    wrong += [f"dark: {each}" for each in contrast(page, seen)]
    sized(page, NARROWEST, 720)
    wrong += _too_wide(page)
    wrong += [f"narrow: {each}" for each in barriers(page, ["target-size"])]
    wear(page, other)
    wrong += [f"{other.parts[-3]}, {each}" for each in _too_wide(page)]
    sized(page, **WIDE)
    wrong += [f"{other.parts[-3]}, dark: {each}" for each in contrast(page, seen)]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    wrong += [f"{other.parts[-3]}, light: {each}" for each in contrast(page, seen)]
    return wrong


def _too_wide(page: Any) -> list[str]:
    width = page.evaluate("document.documentElement.scrollWidth")
    return [f"narrow: {width} pixels wide"] if width > NARROWEST else []


def photograph(page: Any, address: str, folder: Path, name: str) -> None:
    """Three pictures: light, dark, and 390 pixels wide."""
    laid = {"width": 1280, "height": 800}
    for ending, size, light in (("light", laid, "light"), ("dark", laid, "dark"), ("narrow", NARROW, "light")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=light, reduced_motion="reduce")
        page.goto(address)
        page.wait_for_load_state("load")
        drawn = Image.open(BytesIO(page.screenshot())).convert("RGB")
        few = drawn.quantize(colors=256, dither=Image.Dither.NONE)  # a third of the bytes
        few.save(folder / f"{name}-{ending}.png", optimize=True)
