"""An export holds elsewhere, shows only what its reader may see, and betrays every change."""

import copy
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ombud.kernel.database import db
from ombud.trust import ledger, ledger_commands, signing, vault, verifier
from ombud.trust.checkpoints import make_checkpoint, publish
from ombud.trust.ledger import NewEntry, Sealed
from ombud.trust.ledger_export import NoSuchCase, export_case, export_streams
from ombud.trust.verifier import Broken, Check

OURS = Path(__file__).with_name("ledger_vectors.jsonl")
SHARED = Path(__file__).parents[3] / "shared" / "data" / "ledger" / "vectors.jsonl"

Tamper = Callable[[str], Awaitable[str]]


def check(data: bytes, key: str = "") -> Check:
    made = Check()
    made.read(io.BytesIO(data), key)
    return made


def test_the_vectors_of_the_format_hold() -> None:
    made = check(OURS.read_bytes())
    assert (len(made.sealed_by), len(made.openings), len(made.proved)) == (3, 1, 3)
    assert "not signed" in made.signature_state


def test_our_copy_of_the_vectors_is_the_shared_one() -> None:
    if not SHARED.exists():
        pytest.skip("the shared vectors are not on this machine; our copy is checked alone")
    assert SHARED.read_bytes() == OURS.read_bytes()


def test_the_vectors_do_not_hold_after_the_change_of_any_digit() -> None:
    data = OURS.read_bytes()
    places = [place for place, byte in enumerate(data) if byte in b"0123456789abcdefABCDEF"]
    assert len(places) > 1500
    for place in places:
        for other in {b"0", b"1", b"a", bytes([data[place] ^ 1])} - {data[place : place + 1]}:
            with pytest.raises(Broken):
                check(data[:place] + other + data[place + 1 :])


def test_the_vectors_do_not_hold_without_any_of_their_lines_or_bytes() -> None:
    lines = OURS.read_bytes().splitlines(keepends=True)
    for place in range(len(lines)):
        with pytest.raises(Broken):
            check(b"".join(lines[:place] + lines[place + 1 :]))
        with pytest.raises(Broken):
            check(b"".join([*lines, lines[place]]))
    with pytest.raises(Broken):
        check(OURS.read_bytes()[:-1])


def resealed(lines: list[dict[str, Any]]) -> bytes:
    """A forger's file: the end fits the changed lines again, without a signature."""
    content = b"".join(verifier.canonical(line) + b"\n" for line in lines[:-1])
    over = verifier.hashlib.sha256(content).hexdigest()
    return content + verifier.canonical({"type": "signature", "algorithm": "none", "over": over}) + b"\n"


FORGERIES: list[tuple[str, Callable[[list[dict[str, Any]]], Any], str]] = [
    ("body", lambda f: f[1]["body"].update(aspects=2), "entry case/01J9 1: the hash does not fit"),
    ("sealed", lambda f: f[2]["sealed"].update(reason="0" * 64), "entry case/01J9 2: the hash does not fit"),
    ("prev", lambda f: f[2].update(prev="0" * 64), "entry case/01J9 2: does not follow"),
    ("seq", lambda f: f[2].update(seq=3), "entry case/01J9 3: expected seq 2"),
    ("first entry left out", lambda f: f.pop(1), "entry case/01J9 2: expected seq 1"),
    ("value", lambda f: f[4].update(value="Anna"), "not the value that was sealed"),
    ("nonce", lambda f: f[4].update(nonce="ff" * 32), "not the value that was sealed"),
    ("opening elsewhere", lambda f: f[4].update(field="reason2"), "no entry here sealed it"),
    ("root", lambda f: f[5].update(root="0" * 64), "checkpoint 1: the hash does not fit"),
    ("size", lambda f: f[5].update(size=4), "checkpoint 1: the hash does not fit"),
    ("path", lambda f: f[6]["path"].reverse(), "the entry is not in checkpoint 1"),
    ("index", lambda f: f[6].update(index=1), "the entry is not in checkpoint 1"),
    ("proof of another", lambda f: f[7].update(seq=1), "an entry is in one checkpoint only"),
    ("proof size", lambda f: f[8].update(size=2), "the entry is not in checkpoint 1"),
    ("a new field", lambda f: f[1].update(note=""), "has no field 'note'"),
    ("a float", lambda f: f[1]["body"].update(aspects=3.0), "not a whole number"),
    ("true for one", lambda f: f[1].update(v=True), "wrong type"),
    ("another format", lambda f: f[0].update(algorithm="ombud-ledger-2"), "knows ombud-ledger-1"),
    ("a key without signature", lambda f: f[0].update(public_key="0" * 64), "do not fit together"),
]


@pytest.mark.parametrize(("change", "said"), [each[1:] for each in FORGERIES], ids=[each[0] for each in FORGERIES])
def test_a_forgery_with_a_fitting_end_is_named(change: Callable[[list[dict[str, Any]]], Any], said: str) -> None:
    lines = [json.loads(line) for line in OURS.read_text().splitlines()]
    check(resealed(copy.deepcopy(lines)))
    change(lines)
    with pytest.raises(Broken) as caught:
        check(resealed(lines))
    assert said in str(caught.value)


def test_a_double_key_is_refused() -> None:
    with pytest.raises(Broken, match="canonical"):
        check(OURS.read_bytes().replace(b'"body":{', b'"body":{"aspects":3,', 1))


def test_the_verifier_runs_alone_on_the_standard_library(tmp_path: Path) -> None:
    alone = tmp_path / "verifier.py"
    alone.write_bytes(Path(verifier.__file__).read_bytes())
    good = subprocess.run([sys.executable, "-I", "-S", alone, OURS], capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    assert "3 entries in 2 streams hold" in good.stdout
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(OURS.read_bytes().replace(b"25.00", b"95.00"))
    refused = subprocess.run([sys.executable, "-I", "-S", alone, bad], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "DOES NOT HOLD: line 3: entry case/01J9 2" in refused.stderr
    missing = subprocess.run([sys.executable, alone, tmp_path / "no"], capture_output=True, text=True, check=False)
    assert missing.returncode == 1


async def collected(lines: AsyncIterator[bytes]) -> bytes:
    return b"".join([line async for line in lines])


async def fill(streams: int = 3, each: int = 4) -> list[str]:
    names = [f"case/{number:02}" for number in range(streams)]
    for turn in range(each):
        async with db.transaction():
            await ledger.append(
                actor="user/1",
                entries=[
                    NewEntry(name, "case.changed", {"turn": turn}, {"text": Sealed("person/1", f"słowo {turn}")})
                    for name in names
                ],
            )
        await make_checkpoint()
    return names


async def test_an_export_holds_and_is_signed(ledger_db: str) -> None:
    names = await fill(5, 4)
    data = await collected(export_streams(names[1:3], "trial", lambda entry, opening: True))
    made = check(data, await signing.public_key())
    assert (len(made.sealed_by), len(made.openings), len(made.proved), len(made.checkpoints)) == (8, 8, 8, 4)
    assert made.signature_state.startswith("good")
    assert made.header["scope"] == "trial"
    assert [made.openings[0][1]["value"], made.openings[0][1]["field"]] == ["słowo 0", "text"]


async def test_any_change_of_an_export_breaks_its_signature_even_with_a_fitting_end(ledger_db: str) -> None:
    data = await collected(export_streams(await fill(1, 1), "trial", lambda entry, opening: True))
    lines = data.splitlines(keepends=True)
    end = json.loads(lines[-1])
    lines[0] = lines[0].replace(b"trial", b"other")
    end["over"] = verifier.hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    with pytest.raises(Broken, match="not made with the key"):
        check(b"".join(lines[:-1]) + verifier.canonical(end) + b"\n")
    with pytest.raises(Broken, match="another key"):
        check(data, "00" * 32)


async def test_a_large_export_proves_every_entry(ledger_db: str) -> None:
    async with db.transaction():
        entries = [NewEntry(f"case/{n % 7}", "case.changed", {"n": n}) for n in range(1300)]
        await ledger.append(actor="system", entries=entries)
    made = check(await collected(export_streams([f"case/{n}" for n in range(7)], "all", lambda entry, opening: False)))
    assert len(made.proved) == 1300
    assert made.openings == []


async def test_only_what_the_reader_may_see_is_opened(ledger_db: str) -> None:
    async with db.transaction():
        both = {"text": [Sealed("person/1", "hers"), Sealed("person/2", "his")]}
        await ledger.append(actor="system", entries=[NewEntry("case/a", "message.received", {}, both)])
    data = await collected(
        export_streams(["case/a"], "a", lambda entry, opening: opening.subject == "person/1" and entry.seq == 1)
    )
    assert [item["value"] for _, item in check(data).openings] == ["hers"]
    assert b"his" not in data.replace(b"this", b"")


async def test_an_export_after_erasure_holds_without_the_erased_value(ledger_db: str) -> None:
    names = await fill(1, 2)
    await vault.destroy_subject("person/1")
    made = check(await collected(export_streams(names, "a", lambda entry, opening: True)))
    assert (len(made.sealed_by), made.openings) == (2, [])


async def test_published_checkpoints_are_compared(ledger_db: str, tmp_path: Path, tamper: Tamper) -> None:
    names, file = await fill(2, 2), tmp_path / "checkpoints.jsonl"
    data = await collected(export_streams(names, "a", lambda entry, opening: True, publish_file=file))
    made = check(data)
    made.compare_published(io.BytesIO(file.read_bytes()))
    assert made.published == {1, 2}
    await tamper("UPDATE core_checkpoint SET at = at + interval '1 s' WHERE n = 2")
    forged = file.read_bytes().splitlines(keepends=True)[0] + _forged_line(file)
    with pytest.raises(Broken, match="checkpoint 2 differs from the published one"):
        made.compare_published(io.BytesIO(forged))


def _forged_line(file: Path) -> bytes:
    item = json.loads(file.read_bytes().splitlines()[1])
    item["size"] += 1
    item["hash"] = verifier.checkpoint_digest(item)
    return verifier.canonical(item) + b"\n"


async def test_no_case_of_that_reference_is_exported(ledger_db: str) -> None:
    with pytest.raises(NoSuchCase, match="OMB-NO"):
        await collected(export_case("OMB-NO", lambda entry, opening: True))


async def add_case() -> tuple[str, str]:
    case, unit = uuid4(), uuid4()
    await db.execute("INSERT INTO core_unit (id, key, name, created_at) VALUES ($1, $2, 'U', now())", unit, str(unit))
    await db.execute("INSERT INTO core_case_type (key, label) VALUES ('complaint', 'C') ON CONFLICT DO NOTHING")
    await db.execute(
        """INSERT INTO core_case (id, reference, unit_id, case_type, title, status, received_at, received_on, opened_at,
            changed_at, last_word_at)
        VALUES ($1, $2, $3, 'complaint', 'T', 'new', now(), current_date, now(), now(), now())""",
        *(case, f"OMB-{case}", unit),
    )
    async with db.transaction():
        body = {"status": "new", "priority": "normal"}
        sealed = {"title": Sealed("person/1", "T")}
        await ledger.append(actor="system", entries=[NewEntry(f"case/{case}", "case.opened", body, sealed)])
    return str(case), f"OMB-{case}"


async def test_the_commands_verify_export_and_checkpoint(
    ledger_db: str, tmp_path: Path, tamper: Tamper, capsys: pytest.CaptureFixture[str]
) -> None:
    case, reference = await add_case()
    file, published = tmp_path / "case.jsonl", tmp_path / "published.jsonl"
    assert await ledger_commands.export_command(reference, file, publish_file=published) == 0
    assert verifier.main([str(file), "--checkpoints", str(published)]) == 0
    assert await ledger_commands.export_command("OMB-NO", tmp_path / "none.jsonl") == 1
    assert not (tmp_path / "none.jsonl").exists()
    assert await ledger_commands.checkpoint_command(published) == 0
    assert await ledger_commands.verify_command(None, published) == 0
    assert "1 entries in 1 streams hold" in capsys.readouterr().out
    await publish(published)
    await tamper('UPDATE core_ledger_entry SET body = body || \'{"status": "closed"}\'')
    assert await ledger_commands.verify_command(None, published) == 1
    assert f"entry case/{case} 1: the hash does not fit the content" in capsys.readouterr().err
