"""An export fills an empty desk: every record, file and entry of the ledger is there again, or nothing is."""

import hashlib
import json
import random
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ombud.config import load
from ombud.desk import aspects, cases, messages
from ombud.desk.aspects import Decision, RedressGiven
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.case_view import case_page
from ombud.desk.demo import loading as demo
from ombud.desk.demo import story as demo_story
from ombud.desk.errors import NotNow
from ombud.desk.files import file as file_of
from ombud.desk.trail.audit_trail import case_history
from ombud.desk.transfer import commands as import_commands
from ombud.desk.transfer.archive import BadExport, opened_archive
from ombud.desk.transfer.export import export_all
from ombud.desk.transfer.import_check import check
from ombud.desk.transfer.import_desk import OF_THE_LEDGER, import_desk
from ombud.desk.transfer.kinds import KINDS
from ombud.kernel.database import db
from ombud.process import run_with
from ombud.trust import checkpoints, keys, ledger, link_signing, users, vault
from ombud.trust.ledger_verify import verify
from ombud_plugin_api.facts import Document

PDF = b"%PDF-1.7 a statement"
Change = Callable[[dict[str, bytes]], None]


@asynccontextmanager
async def other_desk(url: str, folder: Path) -> AsyncIterator[None]:
    """Closes the desk of `stage` in this process and opens another, with keys of its own."""
    await db.close()
    keys.close_master()
    link_signing.close_signing()
    config = load(data=folder, environ={"OMBUD_DATABASE_URL": url})
    run_with(config)
    await db.open(url)
    await keys.open_master(config.secrets.master_key_file)
    link_signing.open_signing(config.secrets.master_key_file.parent)
    yield


async def rows_of_every_table() -> dict[str, int]:
    tables = await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'core\\_%'")
    return {row["tablename"]: await db.fetchval(f"SELECT count(*) FROM {row['tablename']}") for row in tables}


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(content: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def summed_again(content: dict[str, bytes]) -> dict[str, bytes]:
    """What somebody does who changes an export and knows its sums."""
    manifest = json.loads(content["manifest.json"])
    plain = {name: data for name, data in content.items() if name not in {"manifest.json", "SHA256SUMS"}}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in plain.items()).encode()
    listed = {name: data for name, data in plain.items() if not name.startswith(("raw/", "attachments/"))}
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in {**listed, "SHA256SUMS": sums}.items()
    }
    for kind in manifest["counts"]:
        manifest["counts"][kind] = plain.get(f"{kind}.jsonl", b"").count(b"\n")
    return {**plain, "SHA256SUMS": sums, "manifest.json": json.dumps(manifest).encode()}


def ledger_lines(content: dict[str, bytes], *types: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for name in sorted(content) if name.startswith("ledger/")
             for line in content[name].splitlines()]  # fmt: skip
    return [line for line in lines if line["type"] in types]


async def a_case_with_everything(stage: Any) -> Any:
    filed = await stage.file("The fee was taken twice.", "Nobody called back, żaden.")
    agent = await stage.person("agent")
    await cases.take(agent, filed.case_id)
    pdf = Document(name="statement.pdf", content_type="application/pdf", data=PDF)
    await messages.write(agent, filed.case_id, "told", "Here is the statement.", documents=[pdf])
    first = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 1", filed.case_id)
    money = RedressGiven("money", Decimal("12.30"), "EUR", "for the fee")
    await aspects.decide_aspect(agent, first, Decision("upheld", "It was.", "system_fault", (money,)), None)
    return filed


async def as_shown(stage: Any, name: str) -> tuple[list[Any], list[Any], list[Any]]:
    """What somebody sees of the desk: the list, every fifth case's page, its audit trail."""
    viewer = await stage.person(name)
    listed, cursor = [], None
    while True:
        page = await list_cases(viewer, CaseFilters(), cursor)
        listed += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break
    few = sorted(listed, key=lambda row: str(row.reference))[::5]
    pages = [await case_page(viewer, row.reference) for row in few]
    identities = [await db.fetchval("SELECT id FROM core_case WHERE reference = $1", row.reference) for row in few]
    return listed, pages, [await case_history(viewer, each) for each in identities]


async def test_the_demonstration_desk_is_the_same_in_another_place(
    stage: Any, second_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = demo_story.plan
    monkeypatch.setattr(demo, "plan", lambda *given: stories(*given)[::5])
    await demo.load()
    await checkpoints.make_checkpoint()
    await a_case_with_everything(stage)
    await export_all(tmp_path / "one.zip")
    shown = await as_shown(stage, "celia")
    async with other_desk(second_database_url, tmp_path / "second"):
        report = await import_desk(tmp_path / "one.zip")
        assert all(line.expected == line.written and line.same for line in report.lines)
        assert {line.kind for line in report.lines} > {kind.name for kind in KINDS}
        assert await as_shown(stage, "celia") == shown
        assert (await verify()).broken == ""
        await export_all(tmp_path / "two.zip")
    before, after = members(tmp_path / "one.zip"), members(tmp_path / "two.zip")
    changing = {"manifest.json", "SHA256SUMS"}
    assert {name for name in before.keys() | after.keys() if not name.startswith("ledger/")} - changing <= {
        name for name in before if before[name] == after.get(name)
    }
    kept = [line for line in ledger_lines(after, "entry", "opening") if not line["stream"].startswith("import/")]
    assert kept == ledger_lines(before, "entry", "opening")
    (taken_over,) = [line for line in ledger_lines(after, "entry") if line["stream"].startswith("import/")]
    assert taken_over["body"]["entries"] == len(ledger_lines(before, "entry"))
    marks = {line["n"]: line for line in ledger_lines(after, "checkpoint")}
    assert all(marks[line["n"]] == line for line in ledger_lines(before, "checkpoint"))
    proofs = {(line["stream"], line["seq"]): line for line in ledger_lines(after, "proof")}
    assert all(proofs[line["stream"], line["seq"]] == line for line in ledger_lines(before, "proof"))


async def test_work_goes_on_where_it_stopped(stage: Any, second_database_url: str, tmp_path: Path) -> None:
    filed = await a_case_with_everything(stage)
    await export_all(tmp_path / "desk.zip")
    async with other_desk(second_database_url, tmp_path / "second"):
        await import_desk(tmp_path / "desk.zip")
        agent = await stage.person("agent")
        attachment = await db.fetchval("SELECT id FROM core_attachment WHERE name = 'statement.pdf'")
        assert (await file_of(agent, attachment)).data == PDF
        raw = await db.fetchval("SELECT vault_id FROM core_raw WHERE case_id = $1", filed.case_id)
        assert await vault.load(raw) == "The fee was taken twice.\nNobody called back, żaden.".encode()
        opened = await ledger.open_sealed([(f"case/{filed.case_id}", 1)])
        assert "The fee was taken twice." in {each.value for each in opened}
        second = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", filed.case_id)
        await aspects.decide_aspect(agent, second, Decision("not_upheld", "We called."), None)
        await cases.close(agent, filed.case_id)
        again = await stage.file("It happened again.")
        assert again.reference != filed.reference
        assert await checkpoints.make_checkpoint() is not None
        found = await verify()
        assert (found.broken, found.newer) == ("", 0)
        assert await db.fetchval("SELECT password_hash FROM core_user WHERE name = 'agent'") == ""
        await users.set_password("agent", "harbour lantern moss", "system")


async def test_what_was_erased_stays_erased(stage: Any, second_database_url: str, tmp_path: Path) -> None:
    filed = await a_case_with_everything(stage)
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await vault.destroy_subject(f"person/{person}")
    await export_all(tmp_path / "one.zip")
    assert b"The fee was taken twice" not in b"".join(
        data for name, data in members(tmp_path / "one.zip").items() if name.startswith(("ledger/", "raw/"))
    )
    async with other_desk(second_database_url, tmp_path / "second"):
        report = await import_desk(tmp_path / "one.zip")
        assert report.manifest.erased_files == 2
        assert await ledger.open_sealed([(f"case/{filed.case_id}", 1)]) == []
        raw = await db.fetchval("SELECT vault_id FROM core_raw WHERE case_id = $1", filed.case_id)
        with pytest.raises(vault.Destroyed):
            await vault.load(raw)
        agent = await stage.person("agent")
        with pytest.raises(vault.Destroyed):
            await messages.write(agent, filed.case_id, "note", "Who was it?")
        assert (await verify()).broken == ""
        await export_all(tmp_path / "two.zip")
    one, two = members(tmp_path / "one.zip"), members(tmp_path / "two.zip")
    for kind in ("receipts", "attachments", "sealed_subjects", "erased_subjects"):
        assert one[f"{kind}.jsonl"] == two[f"{kind}.jsonl"]


async def test_a_desk_with_somebody_in_it_takes_nothing_and_says_where_to_go(stage: Any, tmp_path: Path) -> None:
    await stage.file("The fee was taken twice.")
    await export_all(tmp_path / "desk.zip")
    before = await rows_of_every_table()
    with pytest.raises(NotNow, match=r"not empty; it has 1 users, 1 cases.*--data NEW_FOLDER"):
        await import_desk(tmp_path / "desk.zip")
    assert await rows_of_every_table() == before


def flips_a_byte(content: dict[str, bytes]) -> None:
    content["messages.jsonl"] = content["messages.jsonl"].replace(b"twice", b"thrice")


def drops_a_line(content: dict[str, bytes]) -> None:
    content["aspects.jsonl"] = content["aspects.jsonl"].split(b"\n", 1)[1]


def loses_a_file(content: dict[str, bytes]) -> None:
    del content[next(name for name in content if name.startswith("raw/"))]


def climbs_out(content: dict[str, bytes]) -> None:
    content["../../etc/cron.d/x"] = b"* * * * * root true\n"


def is_absolute(content: dict[str, bytes]) -> None:
    content["/etc/passwd"] = b"x"


def is_from_the_future(content: dict[str, bytes]) -> None:
    content["manifest.json"] = content["manifest.json"].replace(b'"version": 1', b'"version": 2')


def is_something_else(content: dict[str, bytes]) -> None:
    content["manifest.json"] = b'{"format": "recipes"}'


def has_no_sums(content: dict[str, bytes]) -> None:
    del content["SHA256SUMS"]


def is_no_json(content: dict[str, bytes]) -> None:
    content["cases.jsonl"] = b"{not json\n"


def renames_an_outcome(content: dict[str, bytes]) -> None:
    content["aspects.jsonl"] = content["aspects.jsonl"].replace(b'"upheld"', b'"not_upheld"')


def edits_an_entry(content: dict[str, bytes]) -> None:
    content["ledger/00001.jsonl"] = content["ledger/00001.jsonl"].replace(b'"outcome":"upheld"', b'"outcome":"denied"')


def cuts_an_entry_out(content: dict[str, bytes]) -> None:
    lines = content["ledger/00001.jsonl"].splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if b'"kind":"case.opened"' in line)
    content["ledger/00001.jsonl"] = b"".join(lines[:place] + lines[place + 1 :])


def gives_a_value_to_another(content: dict[str, bytes]) -> None:
    lines = content["sealed_subjects.jsonl"].splitlines(keepends=True)
    content["sealed_subjects.jsonl"] = b"".join(lines[1:])


def names_a_stranger(content: dict[str, bytes]) -> None:
    lines = content["cases.jsonl"].splitlines()
    case = json.loads(lines[0])
    case["unit_id"] = case["id"]
    content["cases.jsonl"] = json.dumps(case).encode() + b"\n"


def has_a_strange_field(content: dict[str, bytes]) -> None:
    content["units.jsonl"] = content["units.jsonl"].replace(b'{"id"', b'{"colour":"red","id"')


def has_a_strange_kind(content: dict[str, bytes]) -> None:
    content["planets.jsonl"] = b""


UNAWARE = [
    (flips_a_byte, r"messages\.jsonl: its content is not what SHA256SUMS says"),
    (drops_a_line, r"aspects\.jsonl: its content is not what"),
    (loses_a_file, r"raw/.* has a sum but is missing"),
    (climbs_out, r"'\.\./\.\./etc/cron\.d/x': no export has a file of this name"),
    (is_absolute, "'/etc/passwd': no export"),
    (is_from_the_future, "format version 2; this Ombud reads 1"),
    (is_something_else, "no export of Ombud"),
    (has_no_sums, "SHA256SUMS: is missing"),
    (has_a_strange_kind, "does not know such records"),
]
AWARE = [
    (loses_a_file, r"receipts\.jsonl, line 1: the bytes of this record are missing"),
    (is_no_json, r"cases\.jsonl, line 1: is no record"),
    (renames_an_outcome, r"its records are not what its ledger tells: .*outcome"),
    (edits_an_entry, r"ledger/00001\.jsonl: the ledger does not hold: line \d+: entry case/"),
    (cuts_an_entry_out, r"ledger/00001\.jsonl: the ledger does not hold: line \d+: entry case/.* expected seq 1"),
    (gives_a_value_to_another, "nobody is named for whom"),
    (names_a_stranger, r"cases\.jsonl: holds a record that this desk cannot take"),
    (has_a_strange_field, r"units\.jsonl, line 1: has a field 'colour'"),
]


async def test_a_plugin_that_is_not_here_is_named_and_waits_without_running(
    stage: Any, second_database_url: str, tmp_path: Path
) -> None:
    await stage.file("The fee was taken twice.")
    declaration = {"prefix": "ghost_", "tables": [{"name": "ghost_thing", "personal": []}]}
    await db.execute(
        "INSERT INTO core_plugin (slug, wanted_on, applied_version, declaration, changed_by, changed_at) "
        "VALUES ('ghost', TRUE, '9.9', $1, 'system', now())",
        declaration,
    )
    await export_all(tmp_path / "desk.zip")
    left_out = json.loads(members(tmp_path / "desk.zip")["manifest.json"])["left_out"]
    assert left_out["ghost_thing"] == "working state of the plugin ghost"
    async with other_desk(second_database_url, tmp_path / "second"):
        report = await import_desk(tmp_path / "desk.zip")
        assert report.plugins == ("ghost 9.9: it is not installed here; then run `ombud plugin enable ghost`",)
        row = await db.fetchrow("SELECT wanted_on, applied_version, declaration FROM core_plugin")
        assert row is not None
        assert tuple(row) == (True, "", declaration)


@pytest.fixture
async def exported(stage: Any, tmp_path: Path) -> Path:
    await a_case_with_everything(stage)
    await export_all(tmp_path / "desk.zip")
    return tmp_path / "desk.zip"


async def test_a_changed_export_is_refused_with_the_place_and_nothing_is_written(
    exported: Path, second_database_url: str, tmp_path: Path
) -> None:
    whole = members(exported)
    async with other_desk(second_database_url, tmp_path / "second"):
        before = await rows_of_every_table()
        tries: list[tuple[Change, str, bool]] = [(change, said, False) for change, said in UNAWARE]
        for change, said, aware in [*tries, *((change, said, True) for change, said in AWARE)]:
            content = dict(whole)
            change(content)
            path = written(summed_again(content) if aware else content, tmp_path / "changed.zip")
            with pytest.raises(BadExport, match=said):
                await import_desk(path)
            assert await rows_of_every_table() == before, change.__name__
        await import_desk(exported)


async def test_names_that_come_twice_and_bombs_are_refused(
    exported: Path, second_database_url: str, tmp_path: Path
) -> None:
    whole = members(exported)
    async with other_desk(second_database_url, tmp_path / "second"):
        twice = written(whole, tmp_path / "twice.zip")
        with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("cases.jsonl", b"")
        with pytest.raises(BadExport, match=r"cases\.jsonl: stands twice"):
            await import_desk(twice)
        bomb = written({**whole, "units.jsonl": bytes(40_000_000)}, tmp_path / "bomb.zip")
        with pytest.raises(BadExport, match="swell to more than a thousand times"):
            await import_desk(bomb)
        (tmp_path / "torn.zip").write_bytes(exported.read_bytes()[:-40])
        with pytest.raises(BadExport, match=r"torn\.zip: is no whole ZIP file"):
            await import_desk(tmp_path / "torn.zip")


async def test_the_command_prints_the_reconciliation_and_what_is_left_to_do(
    exported: Path, second_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with other_desk(second_database_url, tmp_path / "second"):
        assert await import_commands.import_desk_command(tmp_path / "nothing.zip") == 1
        assert "Nothing was imported: " in capsys.readouterr().err
        assert await import_commands.import_desk_command(exported) == 0
        said = capsys.readouterr().out
        assert "ombud user passwd NAME  (admin, agent)" in said
        assert "Everything came in" in said
        sums = json.loads(members(exported)["manifest.json"])["files"]
        assert all(sums[f"{kind.name}.jsonl"]["sha256"] in said for kind in KINDS)
        assert await import_commands.import_desk_command(exported) == 1
        assert "not empty" in capsys.readouterr().err


async def test_no_change_of_a_byte_makes_the_reader_stumble(exported: Path, tmp_path: Path) -> None:
    """Whatever bytes come, the reader accepts or refuses with its own words, and accepts nothing with other content."""
    whole, good = exported.read_bytes(), members(exported)
    rng = random.Random(7)
    for _ in range(400):
        changed = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        if rng.random() < 0.2:
            del changed[rng.randrange(len(changed)) :]
        path = tmp_path / "fuzzed.zip"
        path.write_bytes(changed)
        try:
            with opened_archive(path) as archive:
                check(archive, lambda done, total: None)
                read = {name: archive.data(name) for name in archive.names}
        except BadExport:
            continue
        assert read == {name: good[name] for name in read}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["format", "version", "counts", "files", "left_out", "made_at"]), _json))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_manifest_is_read_or_refused(tmp_path: Path, said: dict[str, Any]) -> None:
    content = {
        "manifest.json": json.dumps({"format": "ombud-export", "version": 1, **said}).encode(),
        "SHA256SUMS": b"",
    }
    path = written(content, tmp_path / "any.zip")
    with pytest.raises(BadExport), opened_archive(path):
        pass


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bytes.zip"
    path.write_bytes(data)
    with pytest.raises(BadExport), opened_archive(path):
        pass


def test_kinds_that_are_parts_of_the_ledger_have_writers_of_their_own() -> None:
    assert {kind.name for kind in KINDS if kind.only} == set(OF_THE_LEDGER)
