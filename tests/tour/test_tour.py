"""Every page of a desk full of life, seen in a real browser: no barrier, nothing cut off, nothing refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe import ready
from crawl import walk
from look_stage import sheet_of
from looks import look
from served import Served
from touring import STARTS, everybody, signed_in, wait_for_clocks

from ombud.config import load

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Any]]:
    """A served demonstration desk, and the browser of a person who may open everything."""
    desk = Served(tmp_path_factory.mktemp("tour") / "desk", {})
    try:
        desk.start("--demo")
        client = signed_in(desk.address, everybody(desk))
        wait_for_clocks(client)
        yield desk, client
        client.close()
    finally:
        desk.stop()


def test_every_page_is_found_by_links_has_no_barrier_in_either_theme_and_fits_a_small_phone(
    tour: Any, chromium: Any
) -> None:
    desk, client = tour
    found = walk(client, STARTS, load(data=desk.data, environ={}))
    assert (found.broken, found.missed) == ([], [])
    context = chromium.new_context()
    context.add_cookies([{"name": name, "value": value, "url": desk.address} for name, value in client.cookies.items()])
    page, refused = context.new_page(), []
    ready(page)
    page.on("console", lambda said: said.type == "error" and refused.append(f"{page.url}: {said.text}"))
    for theme in ("contrast", "plain"):  # as an administrator does it; then each page is opened once for both
        choose(page, desk.address, theme)
        assert page.locator(f'link[href^="/themes/{theme}/"]').count() == 1
    seen: set[tuple[str, int]] = set()
    wrong = {
        path: problems
        for path in found.found.values()
        if path and (problems := look(page, f"{desk.address}{path}", seen, sheet_of("contrast")))
    }
    assert wrong == {}
    context.close()
    assert refused == []


def choose(page: Any, address: str, theme: str) -> None:
    """Chooses the look for the whole desk, as an administrator does."""
    page.goto(f"{address}/administration/look")
    card = page.locator(f"article[aria-labelledby=theme-{theme}]")
    if card.get_by_role("button").count():
        card.get_by_role("button").click()
    card.get_by_text("In use").wait_for()
