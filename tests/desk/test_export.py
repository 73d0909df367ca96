"""The export of a whole desk is read back with the standard library alone, and its ledger holds elsewhere."""

import hashlib
import io
import json
import stat
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ombud.desk import aspects, cases, messages
from ombud.desk.aspects import Decision, RedressGiven
from ombud.desk.demo import commands as demo_commands
from ombud.desk.demo import loading as demo
from ombud.desk.demo import story as demo_story
from ombud.desk.transfer.export import export_all
from ombud.desk.transfer.kinds import KINDS, LEFT_OUT
from ombud.kernel.database import db
from ombud.trust import signing, vault
from ombud.trust.verifier import Check
from ombud_plugin_api.facts import Document

DATA = b"%PDF-1.7 a statement"


class Export:
    """What an outsider reads from the file."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)
        assert self.archive.testzip() is None
        self.manifest: dict[str, Any] = json.loads(self.archive.read("manifest.json"))

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.archive.read(f"{kind}.jsonl").decode("utf-8").splitlines()]

    def one(self, kind: str, **wanted: str) -> dict[str, Any]:
        found = [row for row in self.rows(kind) if all(row[key] == value for key, value in wanted.items())]
        assert len(found) == 1, (kind, wanted, len(found))
        return found[0]

    def names(self, folder: str) -> list[str]:
        return [name for name in self.archive.namelist() if name.startswith(f"{folder}/")]

    def all_bytes(self) -> bytes:
        return b"".join(self.archive.read(name) for name in self.archive.namelist())


async def a_case_with_everything(stage: Any) -> Any:
    filed = await stage.file("The fee was taken twice.", "Nobody called back, żaden.")
    agent = await stage.person("agent")
    await cases.take(agent, filed.case_id)
    pdf = Document(name="statement.pdf", content_type="application/pdf", data=DATA)
    await messages.write(agent, filed.case_id, "told", "Here is the statement.", documents=[pdf])
    first = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 1", filed.case_id)
    money = RedressGiven("money", Decimal("12.30"), "EUR", "for the fee")
    await aspects.decide_aspect(agent, first, Decision("upheld", "It was.", "system_fault", (money,)), None)
    return filed


async def test_a_case_is_found_again_whole(stage: Any, tmp_path: Path) -> None:
    filed = await a_case_with_everything(stage)
    report = await export_all(tmp_path / "desk.zip")
    export = Export(tmp_path / "desk.zip")
    case = export.one("cases", reference=filed.reference)
    unit = export.one("units", id=case["unit_id"])
    assert (case["status"], case["aspects_closed"], unit["currency"]) == ("in_progress", 1, "EUR")
    assert case["received_at"].endswith("Z")
    first, second = sorted(export.rows("aspects"), key=lambda row: row["position"])
    assert (first["outcome"], first["cause"]) == ("upheld", "system_fault")
    assert second["text"] == "Nobody called back, żaden."
    line = export.one("redress", aspect_id=first["id"])
    assert (line["amount"], line["currency"]) == ("12.3000", "EUR")
    person = export.one("people", id=export.one("parties", case_id=case["id"])["person_id"])
    assert (person["name"], person["email"]) == ("Helena Marsh", "helena@example.org")
    document = export.one("attachments", name="statement.pdf")
    assert document["message_id"] == export.one("messages", body="Here is the statement.")["id"]
    assert export.archive.read(f"attachments/{document['id']}") == DATA
    receipt = export.one("receipts", case_id=case["id"])
    assert export.archive.read(f"raw/{receipt['id']}") == b"The fee was taken twice.\nNobody called back, \xc5\xbcaden."
    assert receipt["subject"] == document["subject"] == f"person/{person['id']}"
    assert (report.attachments, report.raw, report.erased) == (1, 1, 0)


async def test_counts_and_sums_are_those_of_the_files(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = demo_story.plan
    monkeypatch.setattr(demo, "plan", lambda *given: stories(*given)[::5])
    loaded = await demo.load()
    done: list[tuple[int, int]] = []
    await export_all(tmp_path / "desk.zip", lambda *at: done.append(at))
    export = Export(tmp_path / "desk.zip")
    manifest = export.manifest
    assert (manifest["format"], manifest["version"]) == ("ombud-export", 1)
    assert set(manifest["counts"]) == {kind.name for kind in KINDS}
    for kind in KINDS:
        lines = len(export.rows(kind.name))
        assert lines == manifest["counts"][kind.name] == await db.fetchval(kind.count_sql), kind.name
    assert manifest["counts"]["cases"] == loaded.cases
    assert manifest["attachment_files"] == len(export.names("attachments")) == manifest["counts"]["attachments"] > 20
    assert manifest["raw_files"] == len(export.names("raw")) == manifest["counts"]["receipts"]
    assert manifest["case_numbers_used"] >= manifest["counts"]["cases"]
    sums = dict(line.split("  ")[::-1] for line in export.archive.read("SHA256SUMS").decode().splitlines())
    assert set(sums) == set(export.archive.namelist()) - {"manifest.json", "SHA256SUMS"}
    for name, said in sums.items():
        assert hashlib.sha256(export.archive.read(name)).hexdigest() == said, name
    for name, about in manifest["files"].items():
        data = export.archive.read(name)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (about["sha256"], about["bytes"])
    assert done[-1][0] == done[-1][1]


async def test_the_ledger_in_it_holds_without_us(stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ombud.desk.transfer.export._STREAMS", 3)
    monkeypatch.setattr("ombud.desk.transfer.export._ROWS", 2)
    for each in range(4):
        await stage.file(f"Complaint {each}", name=f"Person {each}")
    await export_all(tmp_path / "desk.zip")
    export = Export(tmp_path / "desk.zip")
    key, entries, opened = await signing.public_key(), 0, set()
    assert len(export.names("ledger")) > 1
    for name in export.names("ledger"):
        check = Check()
        check.read(io.BytesIO(export.archive.read(name)), key)
        assert len(check.proved) == len(check.sealed_by)
        entries += len(check.sealed_by)
        opened |= {(item["stream"], item["seq"], item["field"]) for _, item in check.openings}
        assert check.signature_state.startswith("good")
    assert entries == export.manifest["ledger_entries"] == await db.fetchval("SELECT count(*) FROM core_ledger_entry")
    assert opened == {(row["stream"], row["seq"], row["field"]) for row in export.rows("sealed_subjects")} != set()


async def test_nothing_secret_is_in_it(stage: Any, tmp_path: Path) -> None:
    await a_case_with_everything(stage)
    await export_all(tmp_path / "desk.zip")
    export = Export(tmp_path / "desk.zip")
    data = export.all_bytes()
    hashed = await db.fetchval("SELECT password_hash FROM core_user WHERE name = 'agent'")
    assert hashed
    assert hashed.encode() not in data
    assert b"argon2" not in data
    assert "password_hash" not in export.one("users", name="agent")
    assert stat.S_IMODE((tmp_path / "desk.zip").stat().st_mode) == 0o600


async def test_files_of_an_erased_person_are_told_as_gone(stage: Any, tmp_path: Path) -> None:
    filed = await a_case_with_everything(stage)
    kept = await stage.file("Another one.", name="Jan Kowal")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await vault.destroy_subject(f"person/{person}")
    report = await export_all(tmp_path / "desk.zip")
    export = Export(tmp_path / "desk.zip")
    assert (report.attachments, report.raw, report.erased) == (0, 1, 2)
    assert export.names("raw") == [f"raw/{export.one('receipts', case_id=str(kept.case_id))['id']}"]
    assert export.one("erased_subjects", subject=f"person/{person}")["destroyed_at"]


async def test_an_export_that_breaks_off_leaves_the_one_before(stage: Any, tmp_path: Path) -> None:
    await stage.file("The fee was taken twice.")
    path = tmp_path / "desk.zip"
    path.write_bytes(b"the one before")

    def breaks(done: int, total: int) -> None:
        if done > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await export_all(path, breaks)
    assert path.read_bytes() == b"the one before"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["desk.zip"]


async def test_the_command_says_what_it_wrote_or_why_not(
    stage: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await stage.file("The fee was taken twice.")
    assert await demo_commands.export_all_command(tmp_path / "desk.zip") == 0
    said = capsys.readouterr()
    assert "1 cases" in said.out
    assert "keep it safe" in said.out
    assert "lines and files" in said.err
    assert await demo_commands.export_all_command(tmp_path / "nowhere" / "desk.zip") == 1
    assert "Nothing was exported" in capsys.readouterr().err


async def test_every_table_of_core_is_in_the_export_or_left_out_with_a_reason(stage: Any) -> None:
    rows = await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'core\\_%'")
    tables = {row["tablename"] for row in rows}
    assert tables - {kind.tablename for kind in KINDS} == set(LEFT_OUT), "add new tables to desk/transfer/kinds.py"
    assert all(LEFT_OUT.values())
