"""The file of a complaint through the front door: what goes in, what stays out and why, and that its hashes hold."""

import hashlib
import io
import json
import re
import subprocess
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, messages, people
from ombud.desk.aspects import Decision
from ombud.desk.casefile import making
from ombud.desk.privacy.collecting import bound
from ombud.desk.privacy.holdings import HOLDINGS
from ombud.desk.redress.lines import RedressGiven
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust import vault
from ombud_plugin_api.facts import Document, PersonGiven

FEE, RUDE = "The overdraft fee was taken twice.", "Your colleague Piotr Zalewski shouted at me."
WITNESS = PersonGiven(name="Anna Bąk", email="anna.bak@example.org", phone="+48 600 100 200")


async def _case(desk: Desk) -> dict[str, Any]:
    """Two matters, one decided with redress; a note, a witness, an answer, and a file that a browser would run."""
    await desk.enable("ombudsman-file")
    page = Document(name="Proof.html", content_type="text/html", data=b"<html><script>alert(1)</script></html>")
    filed = await desk.file(FEE, RUDE, documents=(page,), phone="020 7946 0000")
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    first, second = (row["id"] for row in rows)
    await people.add_party(leader, filed.case_id, WITNESS, "witness")
    await messages.write(
        agent, filed.case_id, "answer", "We spoke with Anna  Bąk (ANNA.BAK@example.org) and Bąk agrees."
    )
    await messages.write(agent, filed.case_id, "note", "Between us: the clerk has done this before.")
    await messages.write(agent, filed.case_id, "note", "Only about the clerk.", aspect_ids=[second])
    line = RedressGiven("money", Decimal("40.00"), "EUR", "Both fees, and the trouble.")
    await aspects.decide_aspect(leader, first, Decision("upheld", "The fee was booked twice.", "", (line,)), 1)
    return {"reference": filed.reference, "id": filed.case_id, "first": first, "second": second}


async def _preview(browser: Browser, reference: str, *more: UUID) -> str:
    asked = "".join(f"&aspect={each}" for each in more)
    return (await browser.get(f"/cases/{reference}/file?profile=ombudsman-file{asked}")).text


def _ticks(html: str) -> list[str]:
    return re.findall(r'name="item" value="([^"]+)" checked', html)


def _item(html: str, words: str) -> str:
    """The key of the item in whose line of the preview these words stand."""
    for line in html.split('<li class="stack stack--tight">')[1:]:
        found = re.search(r'value="([mf]:[^"]+)"', line)
        if words in line and found:
            return found.group(1)
    raise AssertionError(f"nothing on the page says {words}")


async def _made(browser: Browser, desk: Desk, reference: str, html: str, items: list[str]) -> zipfile.ZipFile:
    ticked = re.findall(r'<input type="hidden" name="aspect" value="([^"]+)"', html)
    sent = {"profile": "ombudsman-file", "aspect": ticked, "item": items}
    answer = await browser.submit(f"/cases/{reference}/file", sent, page="/me/password")
    assert answer.status_code == 303, answer.text
    await desk.work()
    shown = await _preview(browser, reference)
    href = re.search(rf'href="(/cases/{reference}/file/[0-9a-f-]{{36}})"', shown)
    assert href, shown
    got = await browser.get(href.group(1))
    assert got.status_code == 200
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(got.content))


def _texts(archive: zipfile.ZipFile) -> dict[str, str]:
    return {name: archive.read(name).decode() for name in archive.namelist() if name.endswith((".html", ".json"))}


async def test_one_step_makes_a_file_that_reads_offline_and_whose_hashes_hold(desk: Desk, tmp_path: Path) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    page = await leader.get(f"/cases/{case['reference']}")
    assert f'href="/cases/{case["reference"]}/file?profile=ombudsman-file"' in page.text
    html = await _preview(leader, case["reference"])
    assert "Financial Ombudsman Service" in html
    assert "No outcome yet: aspect B" in html
    archive = await _made(leader, desk, case["reference"], html, _ticks(html))
    names = archive.namelist()
    assert {"index.html", "manifest.json", "SHA256SUMS", "README.txt"} <= set(names)
    archive.extractall(tmp_path)
    done = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b": OK") == len(names) - 1
    manifest = json.loads(archive.read("manifest.json"))
    assert {each["path"] for each in manifest["files"]} == set(names) - {"manifest.json", "SHA256SUMS"}
    for each in manifest["files"]:
        data = archive.read(each["path"])
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (each["sha256"], each["size"])
    index = archive.read("index.html").decode()
    for words in ("Helena Marsh", "020 7946 0000", "Upheld", "Money 40.00 EUR", "The fee was booked twice.",
                  "decided aspect A: upheld", FEE, "Financial Ombudsman Service"):  # fmt: skip
        assert words in index, words
    for name, text in _texts(archive).items():
        assert "<script" not in text, name
        assert not re.search(r'(src|href)="(?:https?:)?//', text), name
        for href in re.findall(r'href="([^"#]+)', text):
            target = str((Path("/") / name).parent.joinpath(href).resolve())[1:]
            assert target in names, (name, href)
    entry = await db.fetchrow("SELECT body FROM core_ledger_entry WHERE kind = 'case_file.made'")
    assert entry["body"]["manifest"] == hashlib.sha256(archive.read("manifest.json")).hexdigest()
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'case_file.taken'") == 1
    trail = (await leader.get(f"/cases/{case['reference']}/history")).text
    assert "Leader made a file of this case for somebody outside" in trail
    assert "Leader took a file of this case along" in trail


async def test_a_change_of_any_file_of_it_is_found(desk: Desk, tmp_path: Path) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    archive = await _made(leader, desk, case["reference"], html, _ticks(html))
    archive.extractall(tmp_path)
    for name in set(archive.namelist()) - {"SHA256SUMS"}:
        data = archive.read(name)
        (tmp_path / name).write_bytes(bytes([data[0] ^ 1]) + data[1:])
        done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False)
        assert f"{name}: FAILED".encode() in done.stdout
        (tmp_path / name).write_bytes(data)


async def test_notes_and_other_peoples_data_stay_out_and_the_file_says_why(desk: Desk) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    assert "A note for staff alone" in html
    archive = await _made(leader, desk, case["reference"], html, _ticks(html))
    whole = "".join(_texts(archive).values())
    for kept_back in ("done this before", "Only about the clerk", "Bąk", "anna.bak", "ANNA.BAK", "600 100 200"):
        assert kept_back not in whole, kept_back
    assert "We spoke with [Witness, left out] ([Witness, left out]) and [Witness, left out] agrees." in whole
    left = json.loads(archive.read("manifest.json"))["left_out"]
    assert [each["why"] for each in left].count("A note for staff alone") == 2
    assert {"what": "Parts of texts", "when": "", "why": "Names and contact details of other people",
            "reason": "3 places in texts; the role of the person stands there instead."} in left  # fmt: skip
    assert "Note, left out of this file" in archive.read("index.html").decode()


async def test_a_note_goes_in_where_somebody_ticks_it_and_a_letter_stays_out_where_they_do_not(desk: Desk) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    note, answer = _item(html, "done this before"), _item(html, "We spoke with")
    chosen = [*(each for each in _ticks(html) if each != answer), note]
    archive = await _made(leader, desk, case["reference"], html, chosen)
    whole = "".join(_texts(archive).values())
    assert "the clerk has done this before" in whole
    assert "We spoke with" not in whole
    left = json.loads(archive.read("manifest.json"))["left_out"]
    assert "Left out by who made the file" in [each["why"] for each in left]


async def test_what_is_about_another_aspect_stays_out_with_its_notes_outcome_and_history(desk: Desk) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"], case["first"])
    assert "About aspects that are not part of this file" in html
    hidden = re.search(r"Only about the clerk\.", html)
    assert hidden, "the preview shows what stays out"
    forced = str(await db.fetchval("SELECT id FROM core_message WHERE body = 'Only about the clerk.'"))
    archive = await _made(leader, desk, case["reference"], html, [*_ticks(html), f"m:{forced}"])
    index = archive.read("index.html").decode()
    assert "Aspect A:" in index
    assert "Only about the clerk" not in "".join(_texts(archive).values())
    assert 'id="aspect-B"' not in index
    left = json.loads(archive.read("manifest.json"))["left_out"]
    assert "Aspect B" in [each["what"] for each in left]
    nothing = await leader.submit(f"/cases/{case['reference']}/file", {"profile": "ombudsman-file", "item": []},
                                  page="/me/password")  # fmt: skip
    assert nothing.status_code == 422
    assert "Tick at least one aspect" in nothing.text


async def test_what_is_privileged_goes_into_no_file_and_its_reason_is_told(desk: Desk) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    answer, address = _item(html, "We spoke with"), f"/cases/{case['reference']}/file/privileged"

    async def mark(**more: str) -> Any:
        return await leader.submit(address, {"profile": "ombudsman-file", **more}, page="/me/password")

    empty = await mark(marked=answer, reason="  ")
    assert empty.status_code == 422
    assert (await mark(marked="m:nonsense", reason="Counsel")).status_code == 422
    assert (await mark(marked=answer, reason="Advice of counsel to the firm")).status_code == 303
    again = await mark(marked=answer, reason="Once more")
    assert "marked as privileged already" in again.text
    html = await _preview(leader, case["reference"])
    assert f'value="{answer}" checked' not in html
    archive = await _made(leader, desk, case["reference"], html, [*_ticks(html), answer])
    assert "We spoke with" not in "".join(_texts(archive).values())
    assert "Legally privileged: Advice of counsel to the firm" in archive.read("index.html").decode()
    told = await db.fetchrow("SELECT body::text AS body, sealed FROM core_ledger_entry WHERE kind = 'privilege.marked'")
    assert "counsel" not in told["body"]
    assert set(told["sealed"]) == {"reason"}
    assert (await mark(marked=answer, lift="on", reason="The advice was published")).status_code == 303
    assert (await mark(marked=answer, lift="on", reason="Again")).status_code == 422
    assert answer in _ticks(await _preview(leader, case["reference"]))


async def test_files_are_as_they_came_but_open_as_text_where_a_browser_would_run_them(desk: Desk) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    archive = await _made(leader, desk, case["reference"], html, _ticks(html))
    (proof,) = (each for each in archive.namelist() if "proof" in each)
    assert proof.endswith("-proof.html.txt")
    assert archive.read(proof) == b"<html><script>alert(1)</script></html>"


async def test_a_file_whose_bytes_are_gone_is_named_and_stops_nothing(desk: Desk) -> None:
    case = await _case(desk)
    await db.execute("DELETE FROM core_vault WHERE id IN (SELECT vault_id FROM core_attachment)")
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    archive = await _made(leader, desk, case["reference"], html, _ticks(html))
    left = json.loads(archive.read("manifest.json"))["left_out"]
    assert "Its bytes were erased" in [each["why"] for each in left]
    assert not [each for each in archive.namelist() if "proof" in each]


async def test_a_large_file_is_made_in_the_background_with_the_rights_of_that_moment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    monkeypatch.setattr(making, "AT_ONCE_ITEMS", 0)
    html = await _preview(leader, case["reference"])
    sent = {"profile": "ombudsman-file", "aspect": [str(case["first"])], "item": _ticks(html)}
    await leader.submit(f"/cases/{case['reference']}/file", sent, page="/me/password")
    assert "Being made" in await _preview(leader, case["reference"])
    await desk.work()
    assert "Ready" in await _preview(leader, case["reference"])
    await leader.submit(f"/cases/{case['reference']}/file", sent, page="/me/password")
    await aspects.concern(await desk.viewer("agent"), case["first"], (await desk.viewer("leader")).user_id)
    await desk.work()
    states = await db.fetch("SELECT state, trouble FROM core_case_file ORDER BY asked_at")
    assert [row["state"] for row in states] == ["ready", "failed"]


async def test_who_may_not_make_it_or_whom_an_aspect_is_about_gets_none(desk: Desk) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    await _made(leader, desk, case["reference"], html, _ticks(html))
    file_id = await db.fetchval("SELECT id FROM core_case_file")
    at = f"/cases/{case['reference']}/file"
    agent = await desk.signed_in("agent")
    assert at not in (await agent.get(f"/cases/{case['reference']}")).text
    for path in (f"{at}?profile=ombudsman-file", f"{at}/{file_id}"):
        assert (await agent.get(path)).status_code == 403
    await aspects.concern(await desk.viewer("leader"), case["second"], (await desk.viewer("compliance")).user_id)
    concerned = await desk.signed_in("compliance")
    for path in (f"{at}?profile=ombudsman-file", f"{at}/{file_id}"):
        assert (await concerned.get(path)).status_code == 403
    other = await desk.file("Another case.", name="Somebody", email="else@example.org")
    assert (await leader.get(f"/cases/{other.reference}/file/{file_id}")).status_code == 404
    await desk.disable("ombudsman-file")
    assert (await leader.get(f"{at}?profile=ombudsman-file")).status_code == 404
    assert f"{at}?profile" not in (await leader.get(f"/cases/{case['reference']}")).text


async def test_the_bytes_go_with_the_key_of_the_case_or_with_the_row(desk: Desk) -> None:
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    for _ in range(2):
        await _made(leader, desk, case["reference"], html, _ticks(html))
    first, second = await db.fetch("SELECT id, vault_id FROM core_case_file ORDER BY asked_at")
    await db.execute("DELETE FROM core_case_file WHERE id = $1", first["id"])
    kept = await db.fetch("SELECT id FROM core_vault WHERE id = ANY($1)", [first["vault_id"], second["vault_id"]])
    assert [row["id"] for row in kept] == [second["vault_id"]]
    await vault.destroy_subject(f"case/{case['id']}")
    assert (await leader.get(f"/cases/{case['reference']}/file/{second['id']}")).status_code == 404


async def test_erasing_somebody_takes_the_files_of_their_cases_and_no_others(desk: Desk) -> None:
    """By the declaration of desk/privacy, tried as it is run: with a person who is only a witness, and a kept case."""
    case = await _case(desk)
    leader = await desk.signed_in("leader")
    html = await _preview(leader, case["reference"])
    await _made(leader, desk, case["reference"], html, _ticks(html))
    witness = await db.fetchval("SELECT person_id FROM core_party WHERE role = 'witness'")
    (holding,) = (each for each in HOLDINGS if each.table == "core_case_file")
    counted = f"SELECT count(*) FROM core_case_file t WHERE {bound(holding.where)}"
    assert not holding.blank
    assert await db.fetchval(counted, [witness], [], []) == 1
    assert await db.fetchval(counted, [], [case["id"]], []) == 1
    assert await db.fetchval(counted, [witness], [], [case["id"]]) == 0
    assert await db.fetchval(counted, [UUID(int=1)], [], []) == 0
