import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from ombud.desk import customers, intake, queues, references
from ombud.desk.errors import Invalid, KeyReused
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust import vault
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.facts import Complaint, Document, Filed, Matter, PersonGiven, RawReceipt


async def test_a_complaint_becomes_a_case_with_an_aspect_for_each_matter(desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.", "The clerk was rude.", "My data was sent to a stranger.")
    rows = await db.fetch(
        "SELECT position, text, status FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id
    )
    assert [(row["position"], row["status"]) for row in rows] == [(1, "open"), (2, "open"), (3, "open")]
    assert rows[1]["text"] == "The clerk was rude."
    assert references.tidy(filed.reference) == filed.reference
    assert not (await verify(None, lambda done, total: None)).broken


async def test_the_clock_runs_from_the_receipt_and_not_from_the_opening(desk: Any) -> None:
    earlier = datetime.now(UTC) - timedelta(days=20)
    filed = await desk.file("An old letter.", received_at=earlier)
    row = await db.fetchrow("SELECT received_at, due_at FROM core_case WHERE id = $1", filed.case_id)
    assert row["received_at"] == earlier
    assert (row["due_at"].date() - earlier.date()).days == desk.config.complaints.answer_within_days


async def test_the_same_key_gives_the_same_answer_and_other_content_under_it_is_refused(desk: Any) -> None:
    first = await desk.file("The fee was taken twice.", key="one")
    again = await desk.file("The fee was taken twice.", key="one")
    assert (again.reference, again.track_url, again.duplicate) == (first.reference, first.track_url, True)
    with pytest.raises(KeyReused, match="new key"):
        await desk.file("Something else.", key="one")
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1


async def test_twenty_requests_with_one_key_at_once_make_one_case(desk: Any) -> None:
    answers = await asyncio.gather(*(desk.file("The fee was taken twice.", key="storm") for _ in range(20)))
    assert len({each.reference for each in answers}) == 1
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1


async def test_a_complaint_is_taken_once_while_the_master_key_is_being_rotated(desk: Any) -> None:
    await db.execute("UPDATE core_master SET current = 'one that this process does not know yet'")
    first, *others = await asyncio.gather(*(desk.file("The fee was taken twice.", key="k") for _ in range(4)))
    assert {each.reference for each in others} == {first.reference}
    assert await db.fetchval("SELECT count(*) FROM core_raw") == 1
    kept = await db.fetchval("SELECT vault_id FROM core_raw")
    assert await vault.load(kept) == b"The fee was taken twice."
    keys = await db.fetch("SELECT subject FROM core_key WHERE subject LIKE 'person/%'")
    assert len(keys) == 1, "a person whom nobody knows got a key"


async def test_a_receipt_whose_process_died_before_the_case_was_opened_is_taken_up_again(
    desk: Any, monkeypatch: Any
) -> None:
    async def dies(*_: Any, **__: Any) -> None:
        raise ConnectionError("the process died here")

    with monkeypatch.context() as broken:
        broken.setattr(intake, "_write", dies)
        client = await desk.api("agent")
        body = {"channel": "api", "person": {"name": "Ann"}, "matters": [{"text": "The fee was taken twice."}]}
        lost = await client.post("/api/v1/complaints", json=body, headers={"idempotency-key": "k1"})
        assert lost.status_code == 503
    raw = await db.fetchrow("SELECT id, status FROM core_raw")
    assert raw["status"] == "stored"
    from ombud.kernel.outbox import enqueue_job

    await enqueue_job("intake.resume", {"raw": str(raw["id"])})
    await desk.work()
    assert await db.fetchval("SELECT status FROM core_raw") == "done"
    again = await client.post("/api/v1/complaints", json=body, headers={"idempotency-key": "k1"})
    assert again.status_code == 201
    assert again.json()["reference"] == await db.fetchval("SELECT reference FROM core_case")


def a_complaint(text: str = "The fee was taken twice.", **about: Any) -> Complaint:
    return Complaint(channel="api", person=PersonGiven(name="Ann"), matters=(Matter(text=text),), **about)


async def a_receipt(key: str = "k1") -> intake.Receipt:
    return await intake.receive(RawReceipt(channel="api", key=key, content_type="text/plain", body=b"The fee."))


PICTURE = Document(name="proof.png", content_type="image/png", data=b"\x89PNG\r\n\x1a\n pixels")


@pytest.mark.parametrize("documents", [(), (PICTURE,)])
async def test_one_receipt_opened_by_several_at_once_becomes_one_case(desk: Any, documents: Any) -> None:
    receipt = await a_receipt()
    _, later, _ = await intake.load_raw(receipt.id)
    complaint = a_complaint(documents=documents)
    filed = await asyncio.gather(*(intake.open_case(each, complaint) for each in (receipt, later, receipt, later)))
    assert len({each.reference for each in filed}) == len({each.track_url for each in filed}) == 1
    assert sorted(each.duplicate for each in filed) == [False, True, True, True]
    for table in ("core_case", "core_person", "core_message", "core_aspect", "core_link", "core_stream"):
        of_it = " WHERE stream LIKE 'case/%'" if table == "core_stream" else ""
        assert await db.fetchval(f"SELECT count(*) FROM {table}{of_it}") == 1, table
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'case.opened'") == 1
    assert await db.fetchval("SELECT count(*) FROM core_attachment") == len(documents)


async def test_who_comes_too_late_writes_nothing_and_is_told_what_was_answered(desk: Any) -> None:
    receipt = await a_receipt()
    first = await intake.open_case(receipt, a_complaint())
    count = "SELECT (SELECT count(*) FROM core_ledger_entry) + (SELECT count(*) FROM core_sealed)"
    before = await db.fetchval(count)
    again = await intake.open_case(receipt, a_complaint("Other words."))
    assert (again.reference, again.track_url, again.duplicate) == (first.reference, first.track_url, True)
    assert await db.fetchval(count) == before
    assert await db.fetchval("SELECT text FROM core_aspect") == "The fee was taken twice."


async def test_a_complaint_costs_two_statements_and_one_with_a_file_a_transaction(desk: Any) -> None:
    await desk.file("Warm.")
    with db.counting() as count:
        await desk.file("The fee was taken twice.", "The clerk was rude.")
    assert count.statements == 2
    with db.counting() as count:
        await desk.file("See the picture.", documents=(PICTURE,))
    assert count.statements <= 8


async def test_what_is_promised_is_on_the_disk(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt waits for the disk with its case; where the case fails, or follows later, by itself."""
    await db.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = on', current_database()); END $$"
    )
    await db.engine.pool.expire_connections()  # type: ignore[union-attr]
    written: list[int] = []

    async def fails(*given: Any, **named: Any) -> Any:
        written.append(await db.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'"))
        raise RuntimeError("the machine that opens cases is broken")

    async def on_disk() -> int:
        return int(await db.fetchval("SELECT pg_current_wal_flush_lsn() - '0/0'"))

    with monkeypatch.context() as patched:
        patched.setattr(intake, "open_case", fails)
        with pytest.raises(RuntimeError, match="broken"):
            await desk.file("The fee was taken twice.")
    assert await on_disk() >= written[0]
    before = await db.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'")
    assert (await a_receipt()).case_id is None
    assert await on_disk() > before
    assert await db.fetchval("SELECT count(*) FROM core_raw WHERE status = 'stored'") == 2


async def test_complaints_of_one_moment_become_a_case_each_in_fewer_commits(desk: Any) -> None:
    """Also where one among them is refused."""
    texts = [f"Complaint {place}." for place in range(12)]
    filed = await asyncio.gather(
        *(desk.file(each) for each in texts), desk.file("x", unit="no-such"), return_exceptions=True
    )
    assert isinstance(filed.pop(), Invalid)
    assert len({each.reference for each in filed}) == 12
    rows = await db.fetch("SELECT text, xmin::text AS writer FROM core_aspect")
    assert sorted(row["text"] for row in rows) == sorted(texts)
    assert len({row["writer"] for row in rows}) < 12
    assert not (await verify(None, lambda done, total: None)).broken
    counted = "SELECT count(*) AS cases, (SELECT sum(delta) FROM core_queue_count) AS counted FROM core_case"
    assert tuple(await db.fetchrow(counted)) == (12, 12)


OF_ONE_CASE = """
SELECT c.opened_at, c.confidential, p.name, p.language, m.body, m.recorded_at,
    (SELECT array_agg(a.text ORDER BY a.position) FROM core_aspect a WHERE a.case_id = c.id) AS matters,
    (SELECT count(*) FROM core_message_aspect pin JOIN core_aspect a ON a.id = pin.aspect_id
     WHERE pin.message_id = m.id AND a.case_id = c.id) AS pins,
    (SELECT count(*) FROM core_party y WHERE y.case_id = c.id AND y.person_id = p.id) AS parties,
    (SELECT count(*) FROM core_link l WHERE l.case_id = c.id AND l.person_id = p.id) AS links,
    (SELECT count(*) FROM core_triage t WHERE t.case_id = c.id AND t.message_id = m.id) AS decisions,
    (SELECT count(*) FROM core_intake_step s WHERE s.raw_id = m.raw_id) AS steps,
    (SELECT min(at) FROM core_ledger_entry e WHERE e.stream = 'case/' || c.id) AS told_at
FROM core_case c JOIN core_message m ON m.case_id = c.id JOIN core_person p ON p.id = m.person_id WHERE c.id = $1
"""


async def test_in_company_each_complaint_keeps_what_is_its_own(desk: Any) -> None:
    """Its person, matters, words and moment; also where a receipt among them has its case already."""
    early = datetime(2026, 3, 2, 9, tzinfo=UTC)
    taken = await a_receipt("taken")
    known = await intake.open_case(taken, a_complaint())

    async def filed(place: int) -> Filed:
        matters = [Matter(text=f"Matter {place}.{each}") for each in range(1, 2 + place % 3)]
        person = PersonGiven(name=f"Person {place}", email=f"p{place}@example.org")
        language = "pl" if place % 2 else "en"
        complaint = Complaint(
            channel="api", person=person, matters=tuple(matters), language=language, confidential=place % 4 == 0
        )
        with clock.at(early + timedelta(days=place)):
            raw = RawReceipt(channel="api", key=f"k{place}", content_type="text/plain", body=b"%d" % place)
            return await intake.file(raw, complaint)

    cases, again = await asyncio.gather(
        asyncio.gather(*(filed(place) for place in range(12))),
        asyncio.gather(*(intake.open_case(taken, a_complaint()) for _ in range(3))),
    )
    assert {each.case_id for each in again} == {known.case_id}
    for place, case in enumerate(cases):
        moment, matters = early + timedelta(days=place), [f"Matter {place}.{each}" for each in range(1, 2 + place % 3)]
        found = await db.fetchrow(OF_ONE_CASE, case.case_id)
        body = found["body"]
        assert tuple(found) == (
            moment, place % 4 == 0, f"Person {place}", "pl" if place % 2 else "en", body, moment,
            matters, len(matters), 1, 1, 1, 6, moment,
        )  # fmt: skip
        assert all(each in body for each in matters)
    assert not (await verify(None, lambda done, total: None)).broken


async def test_a_receipt_that_is_not_there_opens_nothing(desk: Any) -> None:
    receipt = await a_receipt()
    _, later, _ = await intake.load_raw(receipt.id)
    await db.execute("DELETE FROM core_raw")
    with pytest.raises(LookupError, match="no receipt"):
        await intake.open_case(later, a_complaint())


async def test_what_another_process_sets_up_holds_for_the_very_next_complaint(desk: Any) -> None:
    """Intake remembers units, queues and case types; it asks with each receipt whether they are still the same."""
    await desk.file("Warm.")
    other = await asyncpg.connect(db.url)
    try:
        queue = await other.fetchval(
            "INSERT INTO core_queue (id, key, name, condition, position, active, version) "
            "VALUES (gen_random_uuid(), 'first', 'First', '{}', -1, true, 1) RETURNING id"
        )
        filed = await desk.file("It waits there.")
        assert await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id) == queue
        await other.execute("UPDATE core_queue SET active = false WHERE id = $1", queue)
        filed = await desk.file("It waits elsewhere.")
        assert await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id) != queue
        await other.execute("UPDATE core_case_type SET active = false WHERE key = 'complaint'")
        with pytest.raises(Invalid, match="no case type"):
            await desk.file("Nobody takes it.")
    finally:
        await other.close()


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"name": "   "}, "person.name"),
        ({"email": "not an address"}, "person.email"),
        ({"summary": "a\0b"}, "summary"),
        ({"summary": "\ud800"}, "summary"),
        ({"received_at": datetime.now(UTC) + timedelta(days=2)}, "received_at"),
        ({"unit": "nowhere"}, "unit"),
        ({"case_type": "nothing"}, "case_type"),
    ],
)
async def test_what_the_desk_cannot_take_is_refused_with_the_part_and_the_remedy(
    desk: Any, about: Any, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await desk.file("The fee was taken twice.", **about)
    assert refused.value.field == field
    assert str(refused.value).endswith(".")
    assert await db.fetchval("SELECT count(*) FROM core_case") == 0


async def test_a_file_is_kept_encrypted_and_a_program_is_refused(desk: Any) -> None:
    proof = Document(name="../proof.png", content_type="text/html", data=b"\x89PNG\r\n\x1a\n secret pixels")
    filed = await desk.file("See the picture.", documents=(proof,))
    row = await db.fetchrow(
        "SELECT name, content_type, vault_id FROM core_attachment WHERE case_id = $1", filed.case_id
    )
    assert (row["name"], row["content_type"]) == ("proof.png", "image/png")
    assert b"secret" not in await db.fetchval("SELECT ciphertext FROM core_vault WHERE id = $1", row["vault_id"])
    assert await vault.load(row["vault_id"]) == proof.data
    with pytest.raises(Invalid, match="program"):
        await desk.file("Run this.", documents=(Document(name="a.exe", content_type="", data=b"MZ\x90"),))


async def test_a_new_case_waits_in_the_first_queue_that_fits_and_is_counted_there(desk: Any) -> None:
    await desk.file("The fee was taken twice.")
    await desk.file("The clerk was rude.")
    before = await queues.lines(SYSTEM)
    await queues.fold_counts()
    after = await queues.lines(SYSTEM)
    assert [(each.key, each.waiting, each.unowned) for each in before] == [("new-complaints", 2, 2)]
    assert [each.waiting for each in after] == [2]
    assert await db.fetchval("SELECT count(*) FROM core_queue_count") == 1
    assert await queues.total(SYSTEM) == 2


def test_a_queue_takes_what_its_condition_says_and_the_first_by_position_wins() -> None:
    def queue(number: int, condition: dict[str, Any], active: bool = True) -> dict[str, Any]:
        return {"id": f"00000000-0000-0000-0000-00000000000{number}", "key": str(number), "position": number,
                "condition": condition, "active": active, "unit_id": None}  # fmt: skip

    all_queues = [queue(1, {"severity": {"min": 3}}), queue(2, {"channel": ["api", "phone"]}, active=False),
                  queue(3, {"channel": ["api"]}), queue(4, {})]  # fmt: skip
    facts = {"channel": "api", "severity": 1}
    assert str(queues.choose(facts, all_queues))[-1] == "3"
    assert str(queues.choose({**facts, "severity": 4}, all_queues))[-1] == "1"
    assert str(queues.choose({"channel": "letter"}, all_queues))[-1] == "4"
    assert queues.choose(facts, []) is None


async def test_the_link_of_a_new_complaint_opens_it_for_the_complainant(desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.", postcode="80-001")
    case = await customers.follow(filed.track_url.rsplit("/", 1)[1])
    assert case.reference == filed.reference
    assert [each.state for each in case.aspects] == ["received"]
    assert case.proof_questions == ("postcode", "email")
