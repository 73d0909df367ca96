"""The canary: a marked person goes through every plugin that is shipped, is handed out complete, erased, and found
nowhere; nor in a desk that is restored from an older backup and forgets again by the journal."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import canary_paths
import pytest
from canary_paths import EMAIL, MARKS, NAME, OF_HER, PATHS, SAID, Going, people_of_her, worked_on

from ombud.commands import keeping
from ombud.config import load
from ombud.desk.backup import container, making
from ombud.desk.privacy import collecting, erasing, journal, requests
from ombud.desk.privacy.requests import RequestGiven
from ombud.desk.search import index as search_index
from ombud.kernel import plugins
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.postgres import create_database, drop_database
from ombud.testing import DeskTemplate, migrated_copy
from ombud.testing_desk import ADDRESS, Desk, running_desk
from ombud.trust import vault
from ombud.trust.ledger import NewEntry, append, open_sealed
from ombud.trust.ledger_verify import verify
from ombud_plugin_api.testing.searching import Search

SEARCH = Search(MARKS)
# Where she must be before: a search that does not find her there is blind.
HOLD = {
    "core_person", "core_message", "core_aspect", "core_case", "core_attachment", "core_draft", "core_outgoing",
    "core_delivery", "core_crm_snapshot", "core_privacy_request", "webform_draft", "phone_call", "phone_recording",
    "letters_letter", "letters_incoming", "letters_page", "crm_csv_customer", "sealed", "vault of person",
    "vault of case", "vault of plugin/webform", "vault of plugin/phone", "vault of plugin/letters",
}  # fmt: skip
INDEX = {"core_search_a", "core_search_b"}


def shipped() -> list[str]:
    """By their entry points, as core finds them."""
    return sorted(slug for slug in plugins.discover() if slug != "dummy")


def has_doors(slug: str) -> bool:
    """Whether something of a person can come in, or stay, by it: then nobody but a way of its own can try that."""
    loaded = running.loaded[slug]
    manifest = plugins.discover()[slug].manifest
    parts = ("pages", "channels", "deliverers", "crms", "personal_data", "case_files", "jobs")
    return bool(manifest.tables or manifest.doors or any(getattr(loaded, part, ()) for part in parts))


async def _found(data: Path, server_log: Path) -> dict[str, str]:
    """Every row of every table; what vault and ledger hold, opened with the keys there are; every file of the data
    folder; the database's own log."""
    await search_index.up_to_date()
    found: dict[str, str] = {}
    tables = await db.fetch(
        "SELECT table_schema AS place, table_name AS name FROM information_schema.tables "
        "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
    )
    for table in tables:
        rows = await db.fetch(f'SELECT t::text AS row FROM "{table["place"]}"."{table["name"]}" t')
        if mark := next((mark for row in rows if (mark := SEARCH.finds(row["row"]))), ""):
            found[table["name"]] = mark
    for row in await db.fetch("SELECT id, subject FROM core_vault ORDER BY id"):
        with contextlib.suppress(vault.Destroyed, vault.NotStored):
            if mark := SEARCH.finds(await vault.load(row["id"])):
                kind = row["subject"] if row["subject"].startswith("plugin/") else row["subject"].split("/")[0]
                found[f"vault of {kind}"] = mark
    entries = await db.fetch("SELECT DISTINCT stream, seq FROM core_sealed")
    for each in await open_sealed([(row["stream"], row["seq"]) for row in entries]):
        if mark := SEARCH.finds(str(each.value)):
            found["sealed"] = mark
    for path in sorted(each for each in data.rglob("*") if each.is_file()):
        if mark := SEARCH.finds(path.read_bytes()):
            found[path.relative_to(data).as_posix()] = mark
    if server_log.exists() and (mark := SEARCH.finds(server_log.read_bytes())):
        found["the log of the database"] = mark
    return found


async def _all_closed() -> None:
    for row in await db.fetch("SELECT id FROM core_case WHERE status <> 'closed' ORDER BY id"):
        async with db.transaction():
            await db.execute("UPDATE core_case SET status = 'closed', closed_at = $2 WHERE id = $1", row["id"], now())
            body = {"status": "closed", "before": "new"}
            await append(actor="system", entries=[NewEntry(f"case/{row['id']}", "case.status_changed", body)])


async def _asked(desk: Desk, kind: str) -> UUID:
    viewer, people = await desk.viewer("compliance"), await people_of_her()
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    given = RequestGiven("gdpr", kind, unit, person_id=people[0], name=NAME, contact=EMAIL)
    made = await requests.record(viewer, given)
    await requests.link_people(viewer, made, people, None)
    for row in await db.fetch("SELECT id FROM core_privacy_request WHERE person_id IS NULL AND name = $1", NAME):
        await requests.link_people(viewer, row["id"], people, None)  # what she asked by a public form
    await requests.check_identity(viewer, made, "confirmed", "Called back on the number we know.", None)
    return made


async def _bundle(desk: Desk, made: UUID) -> bytes:
    viewer = await desk.viewer("compliance")
    await collecting.ask(viewer, made, None)
    await desk.work()
    row = await db.fetchrow("SELECT state, sources FROM core_privacy_collection WHERE request_id = $1", made)
    assert row is not None
    assert row["state"] == "complete", [each for each in row["sources"] if each["state"] != "answered"]
    name, data = await collecting.taken(viewer, made)
    assert name.endswith(".zip")
    return data


async def _erased(desk: Desk, made: UUID) -> None:
    viewer = await desk.viewer("compliance")
    await erasing.order(viewer, made, {}, None)
    await desk.work()
    row = await db.fetchrow("SELECT state, sources FROM core_privacy_erasure")
    assert row is not None
    assert row["state"] == "done", row["sources"]
    for row in await db.fetch("SELECT id FROM core_privacy_request WHERE state = 'open' ORDER BY id"):
        await _answered(desk, row["id"], f"Dear {NAME}, it is done.")


async def _answered(desk: Desk, made: UUID, words: str) -> None:
    """By its page, as an officer does it; one that was never looked into is withdrawn."""
    officer, page = await desk.signed_in("compliance"), f"/privacy/{made}"
    version = await db.fetchval("SELECT version FROM core_privacy_request WHERE id = $1", made)
    given = {"outcome": "granted", "answer": words, "version": str(version)}
    if (await officer.submit(f"{page}/answer", given, page=page)).status_code == 303:
        return
    done = await officer.submit(f"{page}/withdraw", {"version": str(version)}, page=page)
    assert done.status_code == 303, done.text[-600:]


@pytest.fixture
def place(_postgres_run: tuple[str, str], desk_template: DeskTemplate, tmp_path: Path) -> Iterator[Any]:
    """Two databases, the desk's and an empty one to restore into, and the folder of the desk."""
    with migrated_copy(*_postgres_run, desk_template.database) as url:
        empty = f"ombud_canary_{tmp_path.name.replace('-', '_')[-20:]}"
        yield url, create_database(_postgres_run[0], empty), desk_template.copy_data(tmp_path / "desk")
        drop_database(_postgres_run[0], empty)


async def test_the_canary_is_handed_out_complete_then_erased_and_found_nowhere_also_after_a_restore(
    place: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url, empty, data = place
    caplog.set_level("DEBUG")
    log = Path(parse_qs(urlsplit(url).query)["host"][0]).parent / "postgres.log"
    backup, kept = tmp_path / "older.zip", tmp_path / "journal-kept-apart.jsonl"
    async with running_desk(url, data, is_prepared=True) as desk:
        for slug in shipped():
            await desk.enable(slug)
        lacking = [slug for slug in shipped() if slug not in PATHS and has_doors(slug)]
        assert not lacking, f"give {', '.join(lacking)} a way for the canary in tests/plugins/canary_paths.py"
        going = Going(desk)
        try:
            for slug, way in ((slug, way) for slug, way in PATHS.items() if slug in shipped()):
                if slug == "ombudsman-file":  # which looks at what was done
                    await worked_on(going)
                await way(going)
            await desk.work()
        finally:
            for end in going.ends:
                end()
        assert SEARCH.finds(going.post.mails[-1][2]), "the answer went out by mail"
        await _all_closed()
        access = await _asked(desk, "access")
        bundle = await _bundle(desk, access)
        for what, word in {"name": NAME, "e-mail": EMAIL, **SAID}.items():
            assert Search([word]).finds(bundle), f"the bundle lacks what she gave: {what}"
        for what in ("reply", "letter", "note", "customer file", "customer system"):
            assert Search([OF_HER[what]]).finds(bundle), f"the bundle lacks what is kept of her: {what}"
        await _answered(desk, access, "Here it is.")
        erasure = await _asked(desk, "erasure")
        before = await _found(data, log)
        hold = HOLD | {table for slug, table in canary_paths.HOLD.items() if slug in shipped()}
        assert set(before) >= hold, f"the search is blind in {sorted(hold - set(before))}"
        assert set(before) & INDEX, "the search is blind in the index"
        await making.make(desk.config, url, backup, with_keys=True)
        await _erased(desk, erasure)
        assert await _found(data, log) == {}
        assert (await verify(sealed=True)).broken == ""
        kept.write_bytes(journal.path().read_bytes())
        assert SEARCH.finds(kept.read_bytes()) == ""
    variables = {"OMBUD_DATABASE_URL": empty, "OMBUD_SERVER_BASE_URL": ADDRESS, "OMBUD_PLUGINS_ENABLED_FIRST": ""}
    config = load(data=tmp_path / "restored", environ=variables)
    with container.opened(backup) as older:
        older.check()
        assert await keeping.restored(config, older, given=kept) == 0
    async with running_desk(empty, config.data.dir, is_prepared=True) as desk:
        assert await _found(config.data.dir, log) == {}
        assert (await verify(sealed=True)).broken == ""
        assert (await (await desk.signed_in("leader")).get("/search")).status_code == 200
    ours = [
        each for each in caplog.records if each.name != "mail.log"
    ]  # the server that plays hers writes down its own
    assert SEARCH.finds("\n".join(map(caplog.handler.format, ours))) == ""
