"""The ledger tells where it was changed, by whatever means."""

import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ombud.kernel.database import db
from ombud.trust import checkpoints, ledger, vault
from ombud.trust.canonical import moment_text
from ombud.trust.checkpoints import PublishedDiffers, make_checkpoint, publish
from ombud.trust.ledger import NewEntry, Sealed
from ombud.trust.ledger_fold import fold
from ombud.trust.ledger_verify import verify, verify_streams

LEDGER = ("core_ledger_entry", "core_stream", "core_checkpoint", "core_checkpoint_entry")

Tamper = Callable[[str], Awaitable[str]]


async def fill() -> None:
    """Three streams, one sealed value, everything in one checkpoint but the last entry."""
    for stream in ("message/a", "message/b", "plugin/email"):
        async with db.transaction():
            await ledger.append(
                actor="user/1",
                entries=[
                    NewEntry(stream, "message.received", {"size": 1, "channel": "web"}),
                    NewEntry(stream, "message.changed", {"size": 2}, {"name": Sealed("person/1", "Zofia")}),
                ],
            )
    made = await make_checkpoint()
    assert made is not None
    assert (made.n, made.size) == (1, 6)
    async with db.transaction():
        await ledger.append(actor="user/1", entries=[NewEntry("message/b", "message.changed", {"size": 3})])


async def test_an_untouched_ledger_holds(ledger_db: str) -> None:
    await fill()
    seen: list[tuple[int, int]] = []
    report = await verify(progress=lambda done, total: seen.append((done, total)))
    assert report.broken == ""
    assert (report.entries, report.streams, report.checkpoints, report.newer) == (7, 3, 1, 1)
    assert seen == [(7, 7)]


async def test_an_empty_ledger_holds_and_makes_no_checkpoint(ledger_db: str) -> None:
    assert await make_checkpoint() is None
    assert (await verify()).broken == ""


FLIP = "set_byte({0}, 5, get_byte({0}, 5) # 1)"
B2 = "WHERE stream = 'message/b' AND seq = 2"


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        (f"UPDATE core_ledger_entry SET body = '{{\"size\": 9}}' {B2}", "entry message/b 2"),
        (f"UPDATE core_ledger_entry SET body = '{{\"size\": 2.0}}' {B2}", "entry message/b 2"),
        (f"UPDATE core_ledger_entry SET hash = {FLIP.format('hash')} {B2}", "entry message/b 2"),
        (f"UPDATE core_ledger_entry SET prev = {FLIP.format('prev')} {B2}", "entry message/b 2"),
        (f"UPDATE core_ledger_entry SET actor = 'user/2' {B2}", "entry message/b 2"),
        (f"UPDATE core_ledger_entry SET at = at + interval '1 microsecond' {B2}", "entry message/b 2"),
        (f"UPDATE core_ledger_entry SET cause = 'rule/1@1' {B2}", "entry message/b 2"),
        (f"UPDATE core_ledger_entry SET kind = 'message.added' {B2}", "entry message/b 2"),
        (f"UPDATE core_ledger_entry SET sealed = '{{}}' {B2}", "entry message/b 2"),
        (
            "UPDATE core_ledger_entry SET sealed = jsonb_build_object('name', translate(sealed->>'name', "
            f"'0123456789abcdef', '123456789abcdef0')) {B2}",
            "entry message/b 2",
        ),
        (f"DELETE FROM core_ledger_entry {B2}", "entry message/b 3: entry 2 of its stream is missing"),
        ("DELETE FROM core_ledger_entry WHERE stream = 'message/b' AND seq = 3", "entry message/b 2"),
        ("DELETE FROM core_ledger_entry WHERE stream = 'message/a'", "entry message/a 1: is in checkpoint 1"),
        ("UPDATE core_stream SET seq = 2 WHERE stream = 'message/b'", "entry message/b 3"),
        (f"UPDATE core_stream SET hash = {FLIP.format('hash')} WHERE stream = 'message/b'", "entry message/b 3"),
        ("DELETE FROM core_stream WHERE stream = 'message/b'", "entry message/b 3"),
        (f"UPDATE core_checkpoint SET root = {FLIP.format('root')}", "checkpoint 1"),
        (f"UPDATE core_checkpoint SET hash = {FLIP.format('hash')}", "checkpoint 1"),
        (f"UPDATE core_checkpoint SET prev = {FLIP.format('prev')}", "checkpoint 1"),
        ("UPDATE core_checkpoint SET at = at + interval '1 second'", "checkpoint 1"),
        ("DELETE FROM core_checkpoint", "claims to be in checkpoint 1, which is not there"),
        ("DELETE FROM core_checkpoint_entry WHERE index = 5", "checkpoint 1: says 6 entries, but 5"),
        ("UPDATE core_checkpoint_entry SET seq = 3 WHERE stream = 'message/b' AND seq = 2", "checkpoint 1"),
        ("UPDATE core_checkpoint_entry SET index = 7 WHERE index = 2", "is not in its place"),
    ],
)
async def test_a_change_by_the_superuser_is_named(ledger_db: str, tamper: Tamper, statement: str, names: str) -> None:
    await fill()
    await tamper(statement)
    assert names in (await verify()).broken


async def test_history_rebuilt_from_an_entry_on_is_seen_by_the_checkpoint(ledger_db: str, tamper: Tamper) -> None:
    await fill()
    [_, second, third] = await ledger.read(["message/b"])
    changed = ledger.replace(second, body={"size": 9})
    changed = ledger.replace(changed, hash=ledger.entry_hash(changed.hashed))
    after = ledger.replace(third, prev=changed.hash)
    after = ledger.replace(after, hash=ledger.entry_hash(after.hashed))
    await tamper(f"UPDATE core_ledger_entry SET body = '{{\"size\": 9}}', hash = '\\x{changed.hash.hex()}' {B2}")
    await tamper(
        f"UPDATE core_ledger_entry SET prev = '\\x{changed.hash.hex()}', hash = '\\x{after.hash.hex()}' "
        "WHERE stream = 'message/b' AND seq = 3"
    )
    await tamper(f"UPDATE core_stream SET hash = '\\x{after.hash.hex()}' WHERE stream = 'message/b'")
    assert (await verify()).broken == "checkpoint 1: its entries lead to another root"


async def test_a_ledger_cut_back_behind_its_checkpoint_is_seen_by_the_published_file(
    ledger_db: str, tamper: Tamper, tmp_path: Path
) -> None:
    await fill()
    file = tmp_path / "published" / "checkpoints.jsonl"
    assert await publish(file) == 1
    assert (await verify(publish_file=file)).published == 1
    for table in LEDGER:
        await tamper(f"DELETE FROM {table}")
    assert (await verify()).broken == ""  # a chain alone cannot prove it
    assert "was published" in (await verify(publish_file=file)).broken
    with pytest.raises(PublishedDiffers, match="cut back or changed"):
        await publish(file)


async def test_publishing_resumes_after_a_crash_and_repeats_nothing(ledger_db: str, tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.jsonl"
    await fill()
    await publish(file)
    await make_checkpoint()
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"at":"20')  # the power failed here
    assert await publish(file) == 1
    assert await publish(file) == 0
    assert file.read_bytes().startswith(whole)
    assert [each["n"] for each in checkpoints.published(file)] == [1, 2]
    assert (await verify(publish_file=file)).broken == ""


async def test_an_open_transaction_holds_back_what_a_checkpoint_may_take(ledger_db: str) -> None:
    async with db.transaction():
        await ledger.append(actor="system", entries=[NewEntry("message/slow", "message.received")])
        async with db.outside():
            async with db.transaction():
                await ledger.append(actor="system", entries=[NewEntry("message/quick", "message.received")])
            assert await make_checkpoint() is None
            assert (await verify()).newer == 1
    made = await make_checkpoint()
    assert made is not None
    assert made.size == 2
    assert (await verify()).broken == ""


async def test_verify_since_a_checkpoint_reads_only_streams_that_changed(ledger_db: str) -> None:
    await fill()
    report = await verify(since=1)
    assert (report.entries, report.streams, report.broken) == (3, 1, "")
    assert "checkpoint 7: is not in the database" in (await verify(since=7)).broken


async def test_erasing_a_person_leaves_the_chain_verifiable(ledger_db: str) -> None:
    await fill()
    assert len(await ledger.open_sealed([("message/b", 2)])) == 1
    await vault.destroy_subject("person/1")
    assert await ledger.open_sealed([("message/b", 2)]) == []
    assert (await verify()).broken == ""


async def add_case(status: str = "in_progress", owner: uuid.UUID | None = None) -> tuple[uuid.UUID, uuid.UUID]:
    """A case with one aspect, as the desk's tables hold it, and the entries that tell the same."""
    case, aspect, unit, line = uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    await db.execute("INSERT INTO core_unit (id, key, name, created_at) VALUES ($1, $2, 'U', now())", unit, str(unit))
    await db.execute("INSERT INTO core_case_type (key, label) VALUES ('complaint', 'C') ON CONFLICT DO NOTHING")
    await db.execute(
        """INSERT INTO core_case (id, reference, unit_id, case_type, title, status, priority, owner_id,
            received_at, received_on, opened_at, changed_at, last_word_at)
        VALUES ($1, $2, $3, 'complaint', 'T', $4, 'normal', $5, now(), current_date, now(), now(), now())""",
        *(case, f"OMB-{case}", unit, status, owner),
    )
    await db.execute(
        "INSERT INTO core_aspect (id, case_id, title, outcome) VALUES ($1, $2, 'A', 'upheld')", aspect, case
    )
    await db.execute(
        """INSERT INTO core_redress (id, case_id, aspect_id, kind, amount, currency, created_at)
        VALUES ($1, $2, $3, 'money', 25, 'GBP', now())""",
        *(line, case, aspect),
    )
    opened = {"reference": f"OMB-{case}", "status": "new", "priority": "normal", "owner": "", "queue": ""}
    entries = [
        ("case.opened", opened | {"aspects": [{"id": str(aspect), "position": 1, "status": "open"}]}),
        ("case.status_changed", {"status": status}),
        ("aspect.decided", _decision(aspect, line)),
    ]
    async with db.transaction():
        await ledger.append(actor="user/1", entries=[NewEntry(f"case/{case}", kind, body) for kind, body in entries])
    return case, aspect


def _decision(aspect: uuid.UUID, line: uuid.UUID) -> dict[str, object]:
    given = {"line": str(line), "kind": "money", "amount": "25.00", "currency": "GBP"}
    return {"aspect": str(aspect), "outcome": "upheld", "redress": [given]}


async def test_a_case_that_is_what_its_entries_tell_holds(ledger_db: str) -> None:
    await add_case()
    assert (await verify()).broken == ""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE core_case SET status = 'resolved'",
            "status is 'resolved' in the table but 'in_progress' by the entries",
        ),
        ("UPDATE core_case SET priority = 'urgent'", "priority is 'urgent'"),
        ("UPDATE core_aspect SET outcome = 'rejected'", "outcome is 'rejected' in the table but 'upheld'"),
        ("UPDATE core_aspect SET status = 'closed', reason = 'r'", "status is 'closed' in the table but 'open'"),
        ("UPDATE core_redress SET amount = 2500", "redress is 2500.0000 GBP (money) in the table but 25.00 GBP"),
        ("DELETE FROM core_redress", "redress is nothing in the table"),
        ("DELETE FROM core_aspect", "is in only one of table and ledger"),
        ("DELETE FROM core_case", "the case is in only one of table and ledger"),
    ],
)
async def test_a_table_changed_behind_the_ledger_is_named(ledger_db: str, statement: str, said: str) -> None:
    case, _ = await add_case()
    await db.execute(statement)
    broken = (await verify()).broken
    assert broken.startswith(f"entry case/{case} 3: ")
    assert said in broken


async def test_a_case_cut_out_from_under_its_aspects_is_named(ledger_db: str) -> None:
    await add_case()
    async with db.transaction():
        await db.execute("SET LOCAL session_replication_role = replica")
        await db.execute("DELETE FROM core_case")
    assert "the case is in only one of table and ledger" in (await verify()).broken


async def test_a_case_that_no_entry_opened_is_named(ledger_db: str, tamper: Tamper) -> None:
    case, _ = await add_case()
    for table in ("core_ledger_entry", "core_stream"):
        await tamper(f"DELETE FROM {table}")
    assert f"no entry of case/{case} opened it" in (await verify()).broken


def test_a_reopened_aspect_loses_its_outcome_and_a_reversed_line_stays_beside_its_reversal() -> None:
    line = {"line": "1", "kind": "money", "amount": "25.00", "currency": "GBP"}
    state = fold(
        [
            ("case.opened", {"status": "new", "owner": "", "aspects": [{"id": "a", "status": "open"}]}),
            ("aspect.decided", {"aspect": "a", "outcome": "upheld", "status": "closed", "redress": [line]}),
            ("case.assigned", {"owner": "17", "queue": "q"}),
            ("rule.applied", {"status": "nonsense"}),
            ("aspect.reopened", {"aspect": "a"}),
            ("redress.reversed", {"aspect": "a", **line, "line": "2", "amount": "-25.00", "reverses": "1"}),
            ("case.status_changed", {"status": "in_progress"}),
        ]
    )
    assert (state.status, state.owner, state.queue) == ("in_progress", "17", "q")
    assert (state.aspects["a"].status, state.aspects["a"].outcome) == ("open", "")
    assert sum(each.amount for each in state.aspects["a"].redress.values()) == 0
    assert set(state.aspects["a"].redress) == {"1", "2"}


async def test_an_entry_the_fold_cannot_read_is_named(ledger_db: str) -> None:
    async with db.transaction():
        await ledger.append(actor="system", entries=[NewEntry("case/x", "aspect.assigned", {"owner": "1"})])
    assert "entry case/x 1: cannot be read as aspect.assigned" in (await verify()).broken


async def test_entries_that_commit_out_of_order_are_all_taken_once(ledger_db: str) -> None:
    """A transaction that began early commits late, after checkpoints took entries with higher ids."""
    taken = 0
    for turn in range(4):
        async with db.transaction():
            await ledger.append(actor="system", entries=[NewEntry(f"message/slow{turn}", "message.received")])
            async with db.outside():
                for number in range(3):
                    async with db.transaction():
                        stream = f"message/quick{turn}-{number}"
                        await ledger.append(actor="system", entries=[NewEntry(stream, "message.received")])
                    made = await make_checkpoint()
                    taken += made.size if made else 0
    for _ in range(3):
        made = await make_checkpoint()
        taken += made.size if made else 0
    report = await verify()
    assert (report.broken, report.newer, report.entries, taken) == ("", 0, 16, 16)
    low = await db.fetchval("SELECT low FROM core_ledger_reach")
    assert low == await db.fetchval("SELECT max(id) FROM core_ledger_entry")


async def test_a_checkpoint_with_an_old_snapshot_is_refused(ledger_db: str) -> None:
    async with db.transaction():
        await db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(RuntimeError, match="read committed"):
            await make_checkpoint()


async def add_told_case() -> tuple[uuid.UUID, uuid.UUID]:
    """A case whose opening tells everything that is compared, with a decision and its sealed reason."""
    case, aspect = await add_case()
    row = await db.fetchrow("SELECT unit_id, received_at FROM core_case WHERE id = $1", case)
    assert row is not None
    due = row["received_at"]
    await db.execute("UPDATE core_case SET due_at = $2 WHERE id = $1", case, due)
    await db.execute(
        "UPDATE core_aspect SET due_at = $2, reason = 'It was.', cause = 'delay' WHERE id = $1", aspect, due
    )
    told = {"unit": str(row["unit_id"]), "confidential": False, "severity": 1, "received_at": moment_text(due)}
    entries = [
        NewEntry(f"case/{case}", "case.changed", {**told, "due_at": moment_text(due)}),
        NewEntry(f"case/{case}", "aspect.changed", {"aspect": str(aspect), "severity": 1, "due_at": moment_text(due)}),
        NewEntry(
            f"case/{case}", "aspect.decided", {"aspect": str(aspect), "outcome": "upheld", "cause": "delay"},
            {"reason": Sealed("person/1", "It was.")},
        ),
    ]  # fmt: skip
    async with db.transaction():
        await ledger.append(actor="user/1", entries=entries)
    return case, aspect


async def test_a_case_that_tells_everything_holds_with_its_sealed_values(ledger_db: str) -> None:
    case, _ = await add_told_case()
    report = await verify(sealed=True)
    assert (report.broken, report.opened, report.erased) == ("", 1, 0)
    assert (await verify_streams([f"case/{case}"])).entries == 6


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE core_case SET received_at = received_at - interval '1 day'", "received_at is"),
        ("UPDATE core_case SET due_at = due_at + interval '1 second'", "due_at is"),
        ("UPDATE core_case SET severity = 4", "severity is '4' in the table but '1' by the entries"),
        ("UPDATE core_case SET confidential = TRUE", "confidential is 'yes' in the table but 'no' by the entries"),
        ("UPDATE core_aspect SET due_at = due_at + interval '1 second'", "due_at is"),
        ("UPDATE core_aspect SET severity = 2", "severity is '2'"),
        ("UPDATE core_aspect SET cause = 'system_fault'", "cause is 'system_fault' in the table but 'delay'"),
        ("UPDATE core_aspect SET reason = 'It was not.'", "the reason is not the one its entry sealed"),
    ],
)
async def test_a_changed_time_weight_or_reason_is_named_by_both_ways_to_verify(
    ledger_db: str, statement: str, said: str
) -> None:
    case, _ = await add_told_case()
    await db.execute(statement)
    whole, one = await verify(), await verify_streams([f"case/{case}"])
    assert said in whole.broken
    assert said in one.broken
    assert whole.where == f"entry case/{case} 6"
    assert "It was" not in whole.broken


async def test_a_reason_left_in_the_table_after_reopening_is_named(ledger_db: str) -> None:
    case, aspect = await add_told_case()
    async with db.transaction():
        entry = NewEntry(f"case/{case}", "aspect.reopened", {"aspect": str(aspect)})
        await ledger.append(actor="user/1", entries=[entry])
    await db.execute("UPDATE core_aspect SET outcome = '', cause = '' WHERE id = $1", aspect)
    assert "though no entry holds one" in (await verify()).broken


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE core_sealed SET ciphertext = set_byte(ciphertext, 5, get_byte(ciphertext, 5) # 1)", "was altered"),
        ("UPDATE core_sealed SET field = 'title'", "promised by no entry"),
        ("DELETE FROM core_sealed", "is not there any more"),
        ("DELETE FROM core_key", "the key of person/1 is not there"),
    ],
)
async def test_a_damaged_sealed_value_is_named_when_asked_for(
    ledger_db: str, tamper: Tamper, statement: str, said: str
) -> None:
    await fill()
    await tamper(statement)
    assert (await verify()).broken == ""
    report = await verify(sealed=True)
    assert said in report.broken
    assert report.where.startswith("entry message/")


async def test_a_sealed_value_of_another_entry_is_named(ledger_db: str, tamper: Tamper) -> None:
    await fill()
    await tamper(
        "UPDATE core_sealed t SET wrapped = o.wrapped, nonce = o.nonce, ciphertext = o.ciphertext FROM core_sealed o "
        "WHERE t.stream = 'message/a' AND o.stream = 'message/b'"
    )
    assert "entry message/a 2" in (await verify(sealed=True)).broken


async def test_an_erased_person_is_no_fault_for_reasons_and_sealed_values(ledger_db: str) -> None:
    await add_told_case()
    await vault.destroy_subject("person/1")
    await db.execute("UPDATE core_aspect SET reason = ''")
    report = await verify(sealed=True)
    assert (report.broken, report.opened, report.erased) == ("", 0, 1)
