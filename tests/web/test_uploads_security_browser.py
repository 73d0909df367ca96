"""In a real browser: what somebody uploaded is saved or drawn, and never runs."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from ombud.testing_desk import PASSWORD, running_desk
from ombud_plugin_api.facts import Document

RUNS = b"document.title = 'it runs'; fetch('/me/tokens')"
FILES = {
    "page.html": b"<!doctype html><title>quiet</title><script>" + RUNS + b"</script>",
    "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><title>quiet</title><script>' + RUNS + b"</script></svg>",
    "photo.png": b"<!doctype html><title>quiet</title><img src=x onerror=\"" + RUNS + b"\">",
    "both.gif": b"GIF89a/*" + b"\0" * 20 + b"*/=1;<script>" + RUNS + b"</script>",
    "letter.xml": b"<?xml version='1.0'?><x xmlns='http://www.w3.org/1999/xhtml'><script>" + RUNS + b"</script></x>",
    "words.txt": b"Dear desk <script>" + RUNS + b"</script>",
}  # fmt: skip
SHOWN = {"words.txt"}


class Served:
    """A desk on loopback with a server of its own, in a thread, so that a synchronous browser can visit it."""

    def __init__(self, url: str, data: Path) -> None:
        self.files: dict[str, str] = {}
        self.reference = ""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._stop, self._ready = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live(url, data)), daemon=True)
        self._thread.start()
        assert self._ready.wait(60)

    async def _live(self, url: str, data: Path) -> None:
        async with running_desk(url, data, OMBUD_SERVER_BASE_URL=self.address) as desk:
            await desk.viewer("agent")
            documents = tuple(Document(name=name, content_type="image/png", data=each) for name, each in FILES.items())
            filed = await desk.file("See what I send.", documents=documents)
            self.reference = filed.reference
            from ombud.kernel.database import db

            rows = await db.fetch("SELECT id, name FROM core_attachment")
            self.files = {row["name"]: f"{self.address}/files/{row['id']}" for row in rows}
            app: Any = desk.app
            server = uvicorn.Server(uvicorn.Config(app, port=self.port, lifespan="off", log_level="error"))
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.02)
            self._ready.set()
            while not self._stop.is_set():
                await asyncio.sleep(0.05)
            server.should_exit = True
            await serving

    def end(self) -> None:
        self._stop.set()
        self._thread.join(30)


@pytest.fixture(scope="module")
def served(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    desk = Served(database_url, tmp_path_factory.mktemp("desk"))
    yield desk
    desk.end()


@pytest.fixture(scope="module")
def session(chromium: Browser, served: Served) -> Any:
    """The cookies of an agent who signed in."""
    context = chromium.new_context()
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{served.address}/sign-in")
    page.get_by_label("User name or e-mail").fill("agent")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/queues**")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(chromium: Browser, served: Served, session: Any) -> Iterator[Page]:
    context = chromium.new_context(accept_downloads=True, storage_state=session)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{served.address}/queues/all")
    yield page
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", FILES)
def test_what_was_uploaded_does_not_run_when_it_is_opened(page: Page, served: Served, name: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    if name in SHOWN:
        page.goto(served.files[name])
        assert "<script>" in page.locator("body").inner_text()
        time.sleep(0.3)
        assert page.title() != "it runs"
    else:
        with page.expect_download() as saved, pytest.raises(Exception, match="Download is starting"):
            page.goto(served.files[name])
        assert saved.value.suggested_filename == name
    assert not [each for each in asked if each.endswith("/me/tokens")]


@pytest.mark.browser
@pytest.mark.parametrize("name", FILES)
def test_what_was_uploaded_does_not_run_as_a_script_or_a_frame_of_our_own_pages(
    page: Page, served: Served, name: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """address => {
            const script = document.createElement("script");
            script.src = address;
            document.body.append(script);
            const frame = document.createElement("iframe");
            frame.src = address;
            document.body.append(frame);
        }""",
        served.files[name],
    )
    time.sleep(0.5)
    assert page.title() != "it runs"
    assert not [each for each in asked if each.endswith("/me/tokens")]


@pytest.mark.browser
def test_a_dangerous_file_carries_a_warning_where_it_is_listed(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/cases/{served.reference}")
    listed = page.locator(".message__head", has=page.get_by_role("link", name="page.html"))
    assert "Web page" in listed.inner_text()
    assert "Not what its name says" in listed.inner_text()


@pytest.mark.browser
def test_the_password_can_be_shown_while_it_is_typed_and_pasted_into(chromium: Browser, served: Served) -> None:
    page = chromium.new_context().new_page()
    page.goto(f"{served.address}/sign-in")
    field = page.get_by_label("Password", exact=True)
    field.fill("seven bottles")
    assert field.get_attribute("type") == "password"
    page.get_by_role("button", name="Show Password").click()
    assert field.get_attribute("type") == "text"
    page.get_by_role("button", name="Show Password").click()
    assert field.get_attribute("type") == "password"
    page.context.close()
