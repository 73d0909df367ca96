"""`make pictures`: every page of the demonstration desk in light, dark and narrow, for docs/pictures/.

Look at each of them; an ugly page or a confusing word is a defect.
"""

import re
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "journey"), str(HERE.parent / "look")]

from crawl import walk  # noqa: E402
from looks import photograph  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from served import Served  # noqa: E402
from touring import STARTS, everybody, signed_in  # noqa: E402

from ombud.config import load  # noqa: E402


def main(folder: Path, wanted: list[str]) -> None:
    """All pages, or those whose name holds one of the words."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as play:
        desk = Served(Path(place) / "desk", {})
        desk.start("--demo")
        try:
            client = signed_in(desk.address, everybody(desk))
            found = walk(client, STARTS, load(data=desk.data, environ={}))
            browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
            context = browser.new_context()
            context.add_cookies([{"name": n, "value": v, "url": desk.address} for n, v in client.cookies.items()])
            page = context.new_page()
            for kind, path in found.found.items():
                name = re.sub(r"[^a-z0-9]+", "-", kind.lower().replace("{", "").replace("}", "")).strip("-") or "front"
                if path and (not wanted or any(word in name for word in wanted)):
                    photograph(page, f"{desk.address}{path}", folder, name)
                    print(name, path)
            browser.close()
        finally:
            desk.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
