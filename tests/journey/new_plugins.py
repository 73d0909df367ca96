"""How each kind of plugin that `ombud plugin new` writes is used, through the front door; and its version 0.2."""

import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

WORDS = "The fee was taken twice."


class Person:
    """Somebody's browser on a served desk."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, follow_redirects=True, timeout=30)

    def sign_in(self, name: str, password: str) -> "Person":
        page = self.submit("/sign-in", {"login": name, "password": password})
        assert page.status_code == 200, page.text[-1000:]
        return self

    def submit(self, path: str, data: dict[str, Any], files: Any = None, page: str = "") -> httpx.Response:
        found = re.search(r'name="_csrf" value="([^"]+)"', self.get(page or path).text)
        assert found, page or path
        return self.http.post(path, data={"_csrf": found.group(1), **data}, files=files)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)


class Office:
    """Who uses the new plugins: the public, an agent, a team leader, an administrator, and the command line."""

    def __init__(self, address: str, command: Callable[..., str], password: str) -> None:
        self.visitor = Person(address)
        self.agent, self.leader, self.administrator, self.officer = (
            Person(address).sign_in(name, password) for name in ("agnes", "lena", "adam", "cora")
        )
        self.command = command
        self.reference = ""
        self.track = ""

    def complain(self) -> None:
        """By the public form of the new channel: what all the others then work with."""
        home = "/p/new-channel/"
        page = self.visitor.submit(home, {"name": "Helena Marsh", "email": "helena@example.org", "text": WORDS})
        assert page.status_code == 200, page.text[-2000:]
        self.reference = re.search(r"OMB-[0-9A-Z]{5,}-[0-9A-Z]", page.text)[0]  # type: ignore[index]
        self.track = re.search(r'href="/track/([^"]+)"', page.text)[1]  # type: ignore[index]


def channel(office: Office) -> None:
    assert office.visitor.submit("/p/new-channel/", {"name": "", "text": WORDS}).status_code == 422
    assert WORDS in office.agent.get(f"/cases/{office.reference}").text


def tracking(office: Office) -> None:
    assert office.reference in office.visitor.get(f"/p/new-tracking/{office.track}").text
    assert office.visitor.get("/p/new-tracking/nobody").status_code == 404


def pages(office: Office) -> None:
    assert "/sign-in" in str(office.visitor.get("/p/new-pages/notes").url)
    assert office.administrator.get("/p/new-pages/notes").status_code == 403
    sent = {"reference": office.reference, "text": "Call her on Monday."}
    assert "Call her on Monday." in office.agent.submit("/p/new-pages/notes", sent).text


def jobs(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    office.leader.submit("/p/new-jobs/counts", {"key": office.reference})
    waiting(lambda: f"{office.reference}: 3" in office.leader.get("/p/new-jobs/counts").text)


def events(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    waiting(lambda: re.search(r"is on: [1-9]", office.agent.get("/p/new-events/heard").text) is not None)


def settings(office: Office) -> None:
    page = "/settings/p-new-settings"
    seen = re.search(r'name="version" value="(\d+)"', office.administrator.get(page).text)
    assert seen
    answer = office.administrator.submit(page, {"set.words": "Come in.", "version": seen.group(1)})
    assert answer.status_code == 200, answer.text[-2000:]
    assert "Come in." in office.visitor.get("/p/new-settings/").text


def slots(office: Office) -> None:
    page = office.agent.get(f"/cases/{office.reference}").text
    later = re.search(r'"(/cases/[^"]+/slots/new-slots)"', page)  # where pages run apart, the browser fetches it
    assert "Matters: 1." in (office.agent.get(later.group(1)).text if later else page)


def commands(office: Office) -> None:
    assert f"{office.reference}: new, 1 matters" in office.command("new-commands", "show", office.reference)


def importer(office: Office) -> None:
    number = office.reference  # a fresh id in each round
    table = f"id,name,email,phone,postcode,text\n{number},Igor,igor@example.org,,,{WORDS}\n".encode()
    for made in (1, 0):
        answer = office.leader.submit("/p/new-importer/file", {}, files={"file": ("old.csv", table, "text/csv")})
        assert f"Cases made: {made}" in answer.text


def crm(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    page = "/settings/p-new-crm"
    seen = re.search(r'name="version" value="(\d+)"', office.administrator.get(page).text)
    assert seen
    line = "K-7; Helena Marsh; helena@example.org; Savings account"
    office.administrator.submit(page, {"set.customers": line, "version": seen.group(1)})
    part = f"/cases/{office.reference}/crm/new-crm"
    waiting(lambda: "Savings account" in office.agent.get(part).text)


def sentiment(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    page = f"/cases/{office.reference}"
    waiting(lambda: 'class="heat" data-level="1"' in office.agent.get(page).text)


def deadlines(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    waiting(lambda: "Call back" in office.agent.get(f"/cases/{office.reference}/clocks").text)


def conditions(office: Office) -> None:
    page = office.administrator.submit("/rules/form", {"step": "add-condition:0"}, page="/rules/new")
    assert "New conditions: the customer waits" in page.text


def actions(office: Office) -> None:
    page = office.administrator.submit("/rules/form", {"step": "add-action:"}, page="/rules/new")
    assert "New actions: hurry what is grave" in page.text


def classifier(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    path = "/taxonomies/category/new"
    term = {"unit": "desk", "code": "fee", "label_en": "Fee", "label_pl": "Opłata", "position": "0"}
    office.administrator.submit(path, term)  # taken already in a later round
    sent = {"name": "Helena Marsh", "email": "helena@example.org", "text": WORDS}
    page = office.visitor.submit("/p/new-channel/", sent)
    reference = re.search(r"OMB-[0-9A-Z]{5,}-[0-9A-Z]", page.text)[0]  # type: ignore[index]
    waiting(lambda: "Its words stand there." in office.agent.get(f"/cases/{reference}").text)


def returns(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    waiting(lambda: "A return gathers the figures" in office.leader.get("/returns").text)  # said once one is known


def router(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    case = f"/cases/{office.reference}"
    office.leader.submit(f"{case}/routing/choose", {"aspect": ""}, page=f"{case}/routing")
    waiting(lambda: "favours it" in office.leader.get(f"{case}/routing").text)


def deliverer(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ombud-out-"))
    page, case = "/settings/p-new-deliverer", f"/cases/{office.reference}"
    seen = re.search(r'name="version" value="(\d+)"', office.administrator.get(page).text)
    assert seen
    office.administrator.submit(page, {"set.folder": str(folder), "version": seen.group(1)})
    sent = {"kind": "reply", "channel": "new-deliverer", "text": "We paid it back."}
    answer = office.agent.submit(f"{case}/messages", sent, page=case)
    assert "Leaves by New deliverer" in answer.text
    hurry = re.search(r'action="(/outgoing/[0-9a-f-]+/now)"', answer.text)
    assert hurry
    office.agent.submit(hurry.group(1), {}, page=case)
    waiting(lambda: any("We paid it back." in each.read_text() for each in folder.glob("*.txt")))
    waiting(lambda: "Sent by New deliverer" in office.agent.get(case).text)
    shutil.rmtree(folder)


def polling(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    page = "/settings/p-new-polling"
    seen = re.search(r'name="version" value="(\d+)"', office.administrator.get(page).text)
    assert seen
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    said = {"name": f"Fetched {office.reference}", "email": "fetched@example.org", "text": WORDS}
    (folder / "message.json").write_text(json.dumps(said))
    office.administrator.submit(page, {"set.folder": str(folder), "version": seen.group(1)})
    waiting(lambda: f"Fetched {office.reference}" in office.leader.get("/inbox").text)
    waiting(lambda: not list(folder.iterdir()))
    shutil.rmtree(folder)


def rights(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    assert "the article that says so" in office.administrator.get("/administration/laws").text
    assert "New rights: Access" in office.officer.get("/privacy/new").text


def personal(office: Office, waiting: Callable[[Callable[[], bool]], None]) -> None:
    """With the law that the other one brings: what it keeps comes with what is collected."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    (folder / "helena@example.org.txt").write_text("Likes to be called in the morning.")
    page = "/settings/p-new-personal"
    seen = re.search(r'name="version" value="(\d+)"', office.administrator.get(page).text)
    assert seen
    office.administrator.submit(page, {"set.folder": str(folder), "version": seen.group(1)})
    party = re.search(r'href="/parties/([0-9a-f-]+)"', office.officer.get("/parties").text)
    unit = re.search(r'<option value="([0-9a-f-]{36})"', office.officer.get("/privacy/new").text)
    assert party
    assert unit
    given = {"right": "new-rights/access", "unit": unit.group(1), "channel": "letter", "person": party.group(1)}
    asked = office.officer.submit("/privacy/new", {**given, "contact": "helena@example.org"})
    made = str(asked.url)
    version = re.search(r'name="version" value="(\d+)"', asked.text)
    assert version, asked.text[-2000:]
    office.officer.submit(f"{made}/collect", {"version": version.group(1)}, page=made)
    waiting(lambda: "Take the bundle" in office.officer.get(made).text)
    bundle = zipfile.ZipFile(io.BytesIO(office.officer.get(f"{made}/bundle").content))
    assert b"called in the morning" in bundle.read("data.json")
    shutil.rmtree(folder)


USES: dict[str, Callable[..., None]] = {
    each.__name__: each
    for each in (
        channel,
        tracking,
        pages,
        jobs,
        events,
        settings,
        slots,
        commands,
        importer,
        crm,
        sentiment,
        deadlines,
        returns,
        router,
        conditions,
        actions,
        classifier,
        deliverer,
        polling,
        rights,
        personal,
    )
}

_APP = '''"""Its tables, as Piccolo wants them."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from {package} import tables

APP_CONFIG = AppConfig(
    app_name="{slug}", migrations_folder_path=str(Path(__file__).parent / "migrations"), table_classes=[{classes}]
)
'''
_TABLE = '''

class Second(Table, tablename="{prefix}second"):
    """What 0.2 brings."""

    words = Text(default="")
'''
_MIGRATION = '''"""The table that 0.2 brings."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns import Serial, Text

ID = "2099-01-01T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "second"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="{slug}", description=DESCRIPTION)
    manager.add_table("Second", tablename="{prefix}second")
    common = {{"null": False, "unique": False, "index": False}}
    manager.add_column(
        table_class_name="Second", tablename="{prefix}second", column_name="id", column_class=Serial,
        column_class_name="Serial", params={{**common, "default": 0, "primary_key": True}},
    )
    manager.add_column(
        table_class_name="Second", tablename="{prefix}second", column_name="words", column_class=Text,
        column_class_name="Text", params={{**common, "default": "", "primary_key": False}},
    )
    return manager
'''


def second_version(project: Path, slug: str) -> None:
    """Makes 0.2 of a new plugin: one table more, by a migration."""
    plain = slug.replace("-", "_")
    names = {"slug": slug, "package": f"ombud_{plain}", "prefix": f"{plain}_"}
    package = project / names["package"]
    for path in (project / "pyproject.toml", package / "plugin.toml"):
        path.write_text(path.read_text().replace('version = "0.1.0"', 'version = "0.2.0"'))
    manifest = package / "plugin.toml"
    manifest.write_text(f'{manifest.read_text()}\n[[tables]]\nname = "{plain}_second"\n')
    tables = package / "tables.py"
    before = tables.read_text() if tables.exists() else ""
    classes = [*re.findall(r"^class (\w+)\(Table", before, re.M), "Second"]
    before = before or '"""Its tables."""\n\nfrom piccolo.columns import Text\nfrom piccolo.table import Table\n'
    tables.write_text(before + _TABLE.format(**names))
    listed = ", ".join(f"tables.{each}" for each in classes)
    (package / "piccolo_app.py").write_text(_APP.format(**names, classes=listed))
    (package / "migrations").mkdir(exist_ok=True)
    (package / "migrations" / "__init__.py").touch()
    (package / "migrations" / f"{plain}_2099_second.py").write_text(_MIGRATION.format(**names))
