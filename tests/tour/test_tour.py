"""Every page of a desk full of life, seen in a real browser: no barrier, nothing cut off, nothing refused."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crawl import walk
from looks import look
from touring import everybody, signed_in

from ombud.config import load

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory, serve_desk: Callable[..., Any]) -> Iterator[Any]:
    """A served demonstration desk, a person who may open everything, and the address of every page."""
    folder: Path = tmp_path_factory.mktemp("tour")
    with serve_desk(folder / "desk") as desk:
        name, password = everybody(desk)
        client = signed_in(desk.address, name, password)
        config = load(data=folder / "desk", environ={})
        found = walk(
            client, ["/", "/queues/all?status=", "/complain", "/me/tokens", "/me/password", "/sign-in"], config
        )
        yield desk, client, found
        client.close()


def test_every_page_is_found_by_links_and_no_link_leads_nowhere(tour: Any) -> None:
    _, _, found = tour
    assert found.broken == []
    assert found.missed == []


@pytest.mark.parametrize("theme", ["plain", "contrast"])
def test_no_page_has_a_barrier_in_light_or_dark_and_all_fit_a_small_phone(tour: Any, chromium: Any, theme: str) -> None:
    desk, client, found = tour
    desk.choose_theme(theme)
    context = chromium.new_context()
    context.add_cookies([{"name": name, "value": value, "url": desk.address} for name, value in client.cookies.items()])
    page, refused = context.new_page(), []
    page.on("console", lambda said: said.type == "error" and refused.append(f"{page.url}: {said.text}"))
    wrong = {
        path: problems
        for path in found.found.values()
        if path and (problems := look(page, f"{desk.address}{path}", all_rules=theme == "plain"))
    }
    context.close()
    assert wrong == {}
    assert refused == []
