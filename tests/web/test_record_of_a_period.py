"""The signed record of some days: complete, checked without a server, and betrayed by the change of any part."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ombud.desk import aspects
from ombud.desk.trail import ledger_desk
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.process import settings
from ombud.testing_desk import Browser, Desk
from ombud.trust import checkpoints, signing
from ombud.trust.ledger_export import export_streams, period_scope, streams_of_period
from ombud.trust.verifier import Broken, Check

HERE = "/administration/ledger"


async def _exported(browser: Browser, first: datetime, last: datetime, **more: str) -> Any:
    sent = {"since": first.date().isoformat(), "until": last.date().isoformat(), **more}
    return await browser.submit(f"{HERE}/export-period", sent, page="/me/password")


def _check(data: bytes, key: str = "") -> Check:
    check = Check()
    check.read(io.BytesIO(data), key)
    return check


@pytest.fixture
async def months(desk: Desk) -> dict[str, Any]:
    """A case a day for three days, each day's entries in a checkpoint of their own."""
    filed = []
    for day in range(3):
        filed.append(await desk.file(f"Complaint {day}.", name=f"Person {day}", email=f"p{day}@example.org"))
        await checkpoints.make_checkpoint()
    return {"filed": filed, "today": now()}


async def test_the_record_of_a_period_is_whole_and_the_verifier_says_so(desk: Desk, months: dict[str, Any]) -> None:
    compliance = await desk.signed_in("compliance")
    got = await _exported(
        compliance, months["today"] - timedelta(days=1), months["today"] + timedelta(days=1), words="on"
    )
    assert got.status_code == 200
    assert got.headers["content-disposition"].startswith('attachment; filename="record-')
    check = _check(got.content, await signing.public_key())
    assert any("are here whole: no entry of theirs was left out" in line for line in check.report())
    assert check.header["scope"].startswith("period/")
    assert {f"case/{each.case_id}" for each in months["filed"]} <= check.heads.keys()
    assert "Person 1" in [item["value"] for _, item in check.openings]
    kept = await db.fetchrow("SELECT body FROM core_ledger_entry WHERE kind = 'ledger.period_exported'")
    assert kept["body"]["words"] is True


async def test_without_words_it_holds_codes_alone_and_proves_as_much(desk: Desk, months: dict[str, Any]) -> None:
    compliance = await desk.signed_in("compliance")
    got = await _exported(compliance, months["today"], months["today"])
    check = _check(got.content)
    assert (check.openings, b"Person 1" in got.content) == ([], False)
    assert any("are here whole" in line for line in check.report())


async def test_the_verifier_alone_checks_it_and_compares_the_published_checkpoints(
    desk: Desk, months: dict[str, Any], tmp_path: Any
) -> None:
    compliance = await desk.signed_in("compliance")
    got = await _exported(compliance, months["today"], months["today"])
    program = await compliance.get(f"{HERE}/verify_ombud.py")
    assert program.headers["content-disposition"] == 'attachment; filename="verify_ombud.py"'
    (tmp_path / "verify_ombud.py").write_bytes(program.content)
    (tmp_path / "record.jsonl").write_bytes(got.content)
    published = settings().ledger.publish_file.read_bytes()
    (tmp_path / "published.jsonl").write_bytes(published)

    def run(*more: str) -> Any:
        asked = [sys.executable, "-I", "verify_ombud.py", "record.jsonl", *more]
        return subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("--checkpoints", "published.jsonl", "--key", await signing.public_key())
    assert done.returncode == 0, done.stderr
    assert "here whole" in done.stdout
    assert "were not compared" not in done.stdout
    assert run("--key", "00" * 32).returncode == 1
    lines = published.splitlines(keepends=True)
    (tmp_path / "published.jsonl").write_bytes(lines[0].replace(b'"size":', b'"size":1'))
    assert run("--checkpoints", "published.jsonl").returncode == 1


async def test_tampering_with_each_kind_of_line_is_found(desk: Desk, months: dict[str, Any]) -> None:
    compliance = await desk.signed_in("compliance")
    got = await _exported(compliance, months["today"], months["today"], words="on")
    lines = got.content.splitlines(keepends=True)
    of_kind: dict[str, int] = {}
    for place, line in enumerate(lines):
        of_kind[json.loads(line)["type"]] = place
    assert set(of_kind) == {"header", "entry", "opening", "checkpoint", "proof", "signature"}
    for place in of_kind.values():
        digit = next(at for at in range(len(lines[place]) - 3, 0, -1) if lines[place][at : at + 1].isdigit())
        other = b"1" if lines[place][digit : digit + 1] != b"1" else b"2"
        changed = lines[place][:digit] + other + lines[place][digit + 1 :]
        with pytest.raises(Broken):
            _check(b"".join([*lines[:place], changed, *lines[place + 1 :]]))
        with pytest.raises(Broken):
            _check(b"".join([*lines[:place], *lines[place + 1 :]]))


async def test_a_case_the_reader_may_not_see_stays_out_and_the_verifier_counts_what_is_missing(
    desk: Desk, months: dict[str, Any]
) -> None:
    hidden = months["filed"][1]
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", hidden.case_id)
    concerned = await desk.viewer("compliance")
    await aspects.concern(await desk.viewer("leader"), aspect, concerned.user_id)
    compliance = await desk.signed_in("compliance")
    got = await _exported(compliance, months["today"], months["today"], words="on")
    check = _check(got.content)
    assert f"case/{hidden.case_id}" not in check.heads
    assert str(hidden.case_id).encode() not in got.content
    assert b"Person 1" not in got.content
    (said,) = (line for line in check.report() if line.startswith("NOT COMPLETE"))
    assert "entries of the period's checkpoints are not in this file" in said


async def test_who_may_not_read_everywhere_and_days_that_lead_nowhere_are_refused(
    desk: Desk, months: dict[str, Any]
) -> None:
    leader, compliance = await desk.signed_in("leader"), await desk.signed_in("compliance")
    today = months["today"]
    assert (await _exported(leader, today, today)).status_code == 403
    backwards = await _exported(compliance, today, today - timedelta(days=2))
    assert backwards.status_code == 422
    assert "The first day comes after the last one" in backwards.text
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    nothing = await _exported(compliance, long_ago, long_ago)
    assert nothing.status_code == 422
    assert 'value="2001-01-01"' in nothing.text
    wrong = await compliance.submit(f"{HERE}/export-period", {"since": "soon", "until": ""}, page="/me/password")
    assert wrong.status_code == 422
    assert "This is not a date" in wrong.text


async def test_a_chain_is_taken_from_its_beginning_and_ends_with_the_period(desk: Desk, months: dict[str, Any]) -> None:
    """Entries after the period stay out, those before it come along as codes, because a chain needs its beginning."""
    first = months["filed"][0]
    stream = f"case/{first.case_id}"
    end = await db.fetchval("SELECT max(seq) FROM core_ledger_entry WHERE stream = $1", stream)
    since, until = await ledger_desk.bounds(months["today"].date(), months["today"].date())
    assert until - since == timedelta(days=1)
    moment = await db.fetchval("SELECT at FROM core_ledger_entry WHERE stream = $1 ORDER BY seq DESC LIMIT 1", stream)
    agent = await desk.viewer("agent")
    await aspects.add(agent, first.case_id, "Something more.")
    await checkpoints.make_checkpoint()
    later = moment + timedelta(microseconds=1)
    ends = await streams_of_period(moment, later)
    assert ends[stream] == end
    lines = export_streams(
        list(ends), period_scope(moment, later), lambda *_: False, checkpoint_first=False, up_to=ends
    )
    check = _check(b"".join([line async for line in lines]))
    assert check.heads[stream][0] == end
    assert any("here whole" in line for line in check.report())
