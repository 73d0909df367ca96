"""Draws the sample pages and serves them on loopback under the product's own content policy.

Files may be kept by the browser, as the product lets it: hundreds of pages share them. A page that is seen with
Playwright's `route` keeps nothing.
"""

import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment
from look_samples import NOW, PAGES, ZONE

from ombud.kernel import clock
from ombud.web import assets, templating, themes

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
THEMES = {
    name: Path(__file__).parents[2] / "themes" / name / f"ombud_theme_{name}" for name in ("plain", "contrast")
}  # fmt: skip


@cache
def jinja(look: str = "plain") -> Environment:
    """One for each theme: a new one reads the twenty files of a page anew."""
    themed = templating.environment(themes.read(THEMES[look]))
    return templating.with_templates(themed, Path(__file__).parent / "templates")


def look_of(theme: str) -> str:
    """The address of a theme's sheet."""
    return themes.read(THEMES[theme]).style_urls()[0]


def sheet_of(theme: str) -> Path:
    return THEMES[theme] / "static" / "theme.css"


def draw(name: str, language: str = "en", look: str = "plain", **shell: Any) -> str:
    """The page `name` in a theme (`look`); `shell` may choose light or dark by `theme`."""
    template, context = PAGES[name]
    spoken = templating.reader.set(templating.Reader(language, ZONE))
    try:
        with clock.at(NOW):
            return jinja(look).get_template(template).render({**context, "shell": {**context["shell"], **shell}})
    finally:
        templating.reader.reset(spoken)


def draw_fragment(template: str, name: str) -> str:
    """A fragment with the context of the page `name`, as htmx gets it."""
    with clock.at(NOW):
        return jinja().get_template(template).render(PAGES[name][1])


class Stage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        name = address.path.strip("/")
        if name in PAGES:
            chosen = {key: values[0] for key, values in parse_qs(address.query).items()}
            return self._send(draw(name, **chosen).encode(), "text/html; charset=utf-8")
        if address.path.startswith("/s/"):  # a plugin's slot with nothing to say
            return self._send(b"", "text/html; charset=utf-8", HTTPStatus.NO_CONTENT)
        of_themes = [(f"/themes/{theme}/", folder / "static") for theme, folder in THEMES.items()]
        for prefix, folder in ((assets.URL_PREFIX, assets.BUILT_DIR), *of_themes):
            path = folder / Path(address.path).name
            if address.path.startswith(prefix) and path.is_file():
                return self._send(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")
        return self._send(b"not here", "text/plain", HTTPStatus.NOT_FOUND)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        if status is HTTPStatus.OK and not kind.startswith("text/html"):
            self.send_header("Cache-Control", "max-age=3600, immutable")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def stage() -> Iterator[str]:
    """The address of a server with all sample pages, e.g. http://127.0.0.1:40123."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stage)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
