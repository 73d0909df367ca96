"""Every page of a desk full of life, seen in a real browser: no barrier, nothing cut off, nothing refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from crawl import Walk, walk
from looks import look
from served import Served
from touring import STARTS, everybody, signed_in

from ombud.config import load

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Any, Walk]]:
    """A served demonstration desk, the browser of a person who may open everything, and the address of every page."""
    desk = Served(tmp_path_factory.mktemp("tour") / "desk", {})
    try:
        desk.start("--demo")
        client = signed_in(desk.address, everybody(desk))
        yield desk, client, walk(client, STARTS, load(data=desk.data, environ={}))
        client.close()
    finally:
        desk.stop()


def test_every_page_is_found_by_links_and_no_link_leads_nowhere(tour: Any) -> None:
    _, _, found = tour
    assert found.broken == []
    assert found.missed == []


@pytest.mark.parametrize("theme", ["plain", "contrast"])
def test_no_page_has_a_barrier_in_light_or_dark_and_all_fit_a_small_phone(tour: Any, chromium: Any, theme: str) -> None:
    desk, client, found = tour
    context = chromium.new_context()
    context.add_cookies([{"name": name, "value": value, "url": desk.address} for name, value in client.cookies.items()])
    page, refused = context.new_page(), []
    page.on("console", lambda said: said.type == "error" and refused.append(f"{page.url}: {said.text}"))
    choose(page, desk.address, theme)
    wrong = {
        path: problems
        for path in found.found.values()
        if path and (problems := look(page, f"{desk.address}{path}", all_rules=theme == "plain"))
    }
    context.close()
    assert wrong == {}
    assert refused == []


def choose(page: Any, address: str, theme: str) -> None:
    """Chooses the look for the whole desk, as an administrator does."""
    page.goto(f"{address}/administration/look")
    button = page.locator(f"article[aria-labelledby=theme-{theme}] button")
    if button.count():
        button.click()
        page.wait_for_load_state()
    assert "In use" in page.locator(f"article[aria-labelledby=theme-{theme}]").inner_text()
