"""The search index: kept up to date by every change, built anew beside the one in use, and forgotten on erasure."""

import asyncio
import contextlib
import re
from datetime import timedelta

import asyncpg
import pytest

from ombud.desk import aspects, cases, messages, people
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.errors import NotNow
from ombud.desk.search import build as search_build
from ombud.desk.search import frequency
from ombud.desk.search import index as search_index
from ombud.desk.search import rows as search_rows
from ombud.desk.search.asked import read
from ombud.desk.search.finding import search
from ombud.desk.search.words import Part, vector
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.facts import PersonGiven


async def found(text: str, kind: str = "case", viewer=SYSTEM) -> list:
    return [hit.id for part in (await search(viewer, text, kind)).parts for hit in part.rows]


async def undone(work) -> None:
    """Does the work in a transaction that is rolled back."""
    try:
        async with db.transaction():
            await work
            raise ZeroDivisionError
    except ZeroDivisionError:
        return


async def indexed(text: str) -> set[str]:
    """Kinds of the rows of both tables that hold the word, whether live or not."""
    asked = read(text)
    assert asked is not None
    rows = await db.fetch(
        "SELECT kind FROM core_search_a WHERE words @@ $1::text::tsquery UNION ALL "
        "SELECT kind FROM core_search_b WHERE words @@ $1::text::tsquery",
        asked.wanted(),
    )
    return {row["kind"] for row in rows}


async def test_every_change_is_noted_in_its_transaction_and_taken_up_in_one_go(stage):
    filed = await stage.file("A zeppelin.", name="Ana Lima")
    assert (await search_index.standing()).behind > 0
    assert await search_index.catch_up() > 0
    assert (await search_index.standing()).behind == 0
    assert await search_index.catch_up() == 0
    agent = await stage.person("agent")
    version = await db.fetchval("SELECT version FROM core_case")
    await cases.change(agent, filed.case_id, {"title": "An orchid"}, version)
    assert await found("orchid") == [filed.case_id]
    await aspects.add(agent, filed.case_id, "A gargoyle", "It looked at me.")
    assert await found("gargoyles look") == [filed.case_id]
    identity = await messages.write(agent, filed.case_id, "note", "A marmot.")
    assert await found("marmots", "message") == [identity]
    await people.add_party(agent, filed.case_id, PersonGiven(name="Otto Quokka"), "joint_complainant")
    assert await found("quokka") == [filed.case_id]
    person = await db.fetchval("SELECT id FROM core_person WHERE name = 'Ana Lima'")
    await people.change(agent, person, {"name": "Ana Platypus", "email": "ana@new.example"}, 1)
    assert await found("platypus") == [filed.case_id]
    assert await found("lima") == []
    assert await found("ana@new.example", "person") == [person]
    await undone(db.execute("UPDATE core_case SET title = 'A walrus'"))
    assert await db.fetchval("SELECT count(*) FROM core_search_due") == 0


async def test_a_new_case_is_noted_once_with_all_that_comes_with_it(stage):
    await search_index.catch_up()
    first, second = await stage.file("A zeppelin.", "A walrus."), await stage.file("An orchid.")
    notes = "SELECT kind, count(*) AS times FROM core_search_due GROUP BY kind ORDER BY kind"
    assert [tuple(row) for row in await db.fetch(notes)] == [("case", 2), ("message", 2), ("person", 2)]
    await search_index.catch_up()
    assert await found("walrus") == [first.case_id]
    agent = await stage.person("agent")
    async with db.transaction():  # what is added to a case later has a note of its own, whatever else is new
        third = await stage.file("A marmot.")
        await aspects.add(agent, second.case_id, "A gargoyle", "It looked at me.")
        await aspects.add(agent, third.case_id, "A quokka", "It smiled.")
    await search_index.catch_up()
    assert await found("gargoyle") == [second.case_id]
    assert await found("quokka") == await found("marmot") == [third.case_id]


async def test_a_note_that_was_taken_back_is_written_again(stage):
    filed = await stage.file("A zeppelin.")
    await search_index.catch_up()
    row = dict(await db.fetchrow("SELECT * FROM core_case WHERE id = $1", filed.case_id))
    copied = ", ".join("$1" if name == "id" else "$2" if name == "reference" else name for name in row)
    add = f"INSERT INTO core_case ({', '.join(row)}) SELECT {copied} FROM core_case WHERE id = $3"
    party = (
        "INSERT INTO core_party (id, case_id, person_id, created_at) SELECT $1, $2, person_id, now() FROM core_party"
    )
    case_id = new_id()
    async with db.transaction():
        with contextlib.suppress(LookupError):
            async with db.savepoint():
                await db.execute(add, case_id, "OMB-1", filed.case_id)
                raise LookupError
        await db.execute("SET LOCAL ombud.unsearched = 'on'")
        await db.execute(add, case_id, "OMB-1", filed.case_id)
        await db.execute("SET LOCAL ombud.unsearched = 'off'")
        await db.execute(party, new_id(), case_id)
    assert [row["subject"] for row in await db.fetch("SELECT subject FROM core_search_due")] == [case_id]


async def test_a_change_that_matters_to_no_word_leaves_no_note(stage):
    filed = await stage.file("A zeppelin.")
    await search_index.catch_up()
    await cases.take(await stage.person("agent"), filed.case_id)
    assert (await search_index.standing()).behind == 0


async def test_what_is_removed_is_found_no_more_and_leaves_nothing(stage):
    filed = await stage.file("A zeppelin.", name="Zenobia Zeppelin")
    await search_index.catch_up()
    assert await indexed("zeppelin") == {"case", "message", "person"}
    await db.execute("DELETE FROM core_raw")
    await db.execute("DELETE FROM core_case WHERE id = $1", filed.case_id)
    assert await indexed("zeppelin") == {"person"}
    await db.execute("DELETE FROM core_person")
    assert await indexed("zeppelin") == set()
    await search_index.catch_up()
    assert await db.fetchval("SELECT count(*) FROM core_search_due") == 0


async def test_erasure_takes_its_words_out_of_the_index_in_its_own_transaction(stage):
    filed = await stage.file("A zeppelin.", name="Zenobia Zeppelin")
    other = await stage.file("Another zeppelin.", name="Otto Quokka")
    await search_build.rebuild()
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await undone(search_index.forget([filed.case_id], [person]))
    assert await found("zenobia", "person") == [person]
    async with db.transaction():
        await search_index.forget([filed.case_id], [person])
        await db.execute("UPDATE core_person SET name = '', email = '', phone = '', erased_at = now()")
        await db.execute("UPDATE core_message SET body = '', subject = '' WHERE case_id = $1", filed.case_id)
        await db.execute("UPDATE core_aspect SET title = '', text = '' WHERE case_id = $1", filed.case_id)
        await db.execute("UPDATE core_case SET title = '' WHERE id = $1", filed.case_id)
    assert await indexed("zenobia") == set()
    assert await found("zeppelin") == [other.case_id]
    await search_index.catch_up()
    assert await indexed("zenobia") == set()


async def shapes() -> set[str]:
    """The indexes of both tables, as they are defined."""
    rows = await db.fetch("SELECT indexdef FROM pg_indexes WHERE tablename ~ '^core_search_[ab]'")
    return {row["indexdef"] for row in rows}


async def test_the_index_is_built_beside_the_one_in_use_which_answers_meanwhile(stage):
    filed = [await stage.file(f"A zeppelin {n}.") for n in range(5)]
    await search_index.catch_up()
    await db.execute("DELETE FROM core_search_a WHERE id = $1", filed[0].case_id)  # as if a bug had lost it
    assert len(await found("zeppelin")) == 4
    seen, as_migrated = [], await shapes()

    async def tell(done, total):
        seen.append((done, total))
        if len(seen) == 1:  # in the middle of the build
            standing = await search_index.standing()
            assert standing.building_since is not None
            assert len(await found("zeppelin")) == 4
            await db.execute("UPDATE core_case SET title = 'A walrus' WHERE id = $1", filed[1].case_id)
            assert await found("walrus") == [filed[1].case_id]
            with pytest.raises(NotNow, match="already"):
                await search_build.rebuild()

    done = await search_build.rebuild(tell)
    assert done == await db.fetchval("SELECT count(*) FROM core_search")
    assert seen[-1][0] == seen[-1][1] == done
    assert len(await found("zeppelin")) == 5
    assert await found("walrus") == [filed[1].case_id]
    assert await db.fetchval("SELECT live FROM core_search_state") == "b"
    assert await db.fetchval("SELECT count(*) FROM core_search_a") == 0
    assert (await search_index.standing()).building_since is None
    await search_build.rebuild()
    assert await db.fetchval("SELECT live FROM core_search_state") == "a"
    assert await shapes() == as_migrated
    assert len(as_migrated) == 16


async def test_a_build_that_fails_leaves_the_index_in_use_and_its_changes(stage, monkeypatch):
    filed = await stage.file("A zeppelin.")
    await search_index.catch_up()

    async def tell(done, total):
        await db.execute("UPDATE core_case SET title = 'A walrus'")
        await search_index.catch_up()
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk"):
        await search_build.rebuild(tell)
    standing = await search_index.standing()
    assert (standing.behind, standing.building_since) == (0, None)
    assert await found("walrus") == [filed.case_id]
    assert await search_build.rebuild() > 0
    assert await found("walrus") == [filed.case_id]


async def test_a_build_whose_process_was_killed_is_noticed_by_the_next_change(stage):
    filed = await stage.file("A zeppelin.")
    await search_index.catch_up()
    await db.execute("UPDATE core_search_state SET building_since = now()")
    await db.execute("UPDATE core_case SET title = 'A walrus'")
    assert await found("walrus") == [filed.case_id]
    assert (await search_index.standing()).building_since is None
    assert await db.fetchval("SELECT count(*) FROM core_search_due") == 0


async def test_two_indexers_do_not_overtake_each_other(stage):
    await stage.file("A zeppelin.")
    url = db.url
    other = await asyncpg.connect(url)
    try:
        async with other.transaction():
            await other.execute("SELECT pg_advisory_xact_lock($1)", search_index.WRITING)
            assert await search_index.catch_up() == 0
        assert await search_index.catch_up() > 0
    finally:
        await other.close()


async def test_one_record_that_cannot_be_indexed_holds_up_no_other(stage, monkeypatch):
    bad = await stage.file("A zeppelin.")
    good = await stage.file("A walrus.")
    usual = search_rows.of_subjects

    async def broken(kind, ids):
        if bad.case_id in ids:
            raise ValueError("no words")
        return await usual(kind, ids)

    monkeypatch.setattr(search_rows, "of_subjects", broken)
    assert await search_index.catch_up() > 0
    assert await found("walrus") == [good.case_id]
    assert (await search_index.standing()).behind >= 1
    waiting = await db.fetch("SELECT subject, tries, error FROM core_search_due")
    assert {row["subject"] for row in waiting} == {bad.case_id}
    assert all(row["tries"] == 1 and "no words" in row["error"] for row in waiting)


async def test_the_work_process_takes_up_changes_by_itself(stage):
    keeping = asyncio.create_task(search_index.keep())
    filed = await stage.file("A zeppelin.")
    try:
        for _ in range(100):
            await asyncio.sleep(0.05)
            if not await db.fetchval("SELECT count(*) FROM core_search_due"):
                break
        assert await db.fetchval("SELECT count(*) FROM core_search WHERE id = $1", filed.case_id) == 1
    finally:
        keeping.cancel()


async def test_a_desk_older_than_its_index_builds_it_at_the_start(stage):
    await db.execute("UPDATE core_search_state SET built_at = NULL")
    await search_build.build_first()
    await search_build.build_first()
    assert await db.fetchval("SELECT count(*) FROM core_delivery WHERE subscriber = 'job/search.rebuild'") == 1
    await search_build.rebuild()
    await db.execute("DELETE FROM core_delivery")
    await search_build.build_first()
    assert await db.fetchval("SELECT count(*) FROM core_delivery") == 0


ROWS = 20_000


async def _crowd(unit, case_type) -> None:
    """Many cases with a message each, written past the triggers as a loader does."""
    moment = now() - timedelta(days=400)
    kinds = ["zeppelin", "walrus", "orchid", "marmot", "gargoyle", "platypus", "quokka"]
    ids = [(new_id(), new_id()) for _ in range(ROWS)]
    async with db.transaction(), db.connection() as connection:
        await connection.execute("SET LOCAL ombud.unsearched = 'on'")
        await connection.copy_records_to_table(
            "core_case",
            columns=["id", "reference", "unit_id", "case_type", "title", "received_at", "received_on", "opened_at",
                     "changed_at", "last_word_at"],
            records=[(case, f"OMB-T{n:06}", unit, case_type, f"The {kinds[n % 7]} number {n}",
                      moment + timedelta(minutes=n), moment.date(), moment, moment, moment)
                     for n, (case, _) in enumerate(ids)],
        )  # fmt: skip
        await connection.copy_records_to_table(
            "core_message", columns=["id", "case_id", "body", "said_at", "recorded_at"],
            records=[(message, case, f"I told you of the {kinds[n % 7]} with number {n} and of the bank.",
                      moment + timedelta(minutes=n), moment) for n, (case, message) in enumerate(ids)],
        )  # fmt: skip
    await db.execute("ANALYZE core_case")
    await db.execute("ANALYZE core_message")


async def test_with_many_rows_the_index_is_used_and_a_search_stays_quick(stage):
    filed = await stage.file("A zeppelin.")
    row = await db.fetchrow("SELECT unit_id, case_type FROM core_case WHERE id = $1", filed.case_id)
    await _crowd(row["unit_id"], row["case_type"])
    assert (await search_index.standing()).behind < 100
    assert await search_build.rebuild() > 2 * ROWS
    agent = await stage.person("agent")
    plans = []
    usual = db.fetch

    async def explained(sql, *args):
        if "s.kind = 'case'" in sql or "s.kind = 'message'" in sql:
            plans.append("\n".join(line[0] for line in await usual(f"EXPLAIN {sql}", *args)))
        return await usual(sql, *args)

    db.fetch = explained
    try:
        assert len((await search(agent, "number 7777 marmots")).parts[0].rows) == 0
        assert len((await search(agent, "number 7777")).parts[0].rows) == 1
        assert len((await list_cases(agent, CaseFilters(text="7777", order="due"))).rows) == 1
        rare = plans[:]
        plans.clear()
        page = (await search(agent, "zeppelins", "message")).parts[0]
        assert (page.count, page.more_than_counted) == (50, True)
    finally:
        db.fetch = usual
    assert "Index Scan using core_search_b_message_at" in plans[0], plans[0]
    assert "Sort Key: s.at" not in plans[0]
    assert len(rare) >= 5
    for plan in rare:
        assert re.search("Bitmap Index Scan on core_search_b_(case|message) ", plan), plan
        assert "Seq Scan on core_search" not in plan, plan
    began = asyncio.get_running_loop().time()
    for text in ("zeppelin", "bank", "number 7777", "I told you"):
        assert (await search(agent, text)).parts
    assert asyncio.get_running_loop().time() - began < 4


async def test_how_common_words_are_is_counted_once_a_minute_and_hides_nothing_new(stage, monkeypatch):
    monkeypatch.setattr(frequency, "MANY", 3)
    for place in range(4):
        await stage.file(f"The periwinkle {place}.")

    async def counted() -> tuple[int, int]:
        with db.counting() as count:
            hits = await found("periwinkle")
        return len(hits), count.statements

    await found("periwinkles")  # takes up what waits for the index
    (first, statements), (again, fewer) = await counted(), await counted()
    assert (first, again) == (4, 4)
    assert fewer == statements - 2, "neither the count nor the way to count"
    await stage.file("One more periwinkle.")
    await found("periwinkles")
    assert (await counted())[0] == 5
    monkeypatch.setattr(frequency, "KEPT_SECONDS", 0.0)
    assert await counted() == (5, statements)


def test_right_after_the_machine_started_nothing_counts_as_known_to_be_rare(monkeypatch):
    monkeypatch.setattr(frequency.time, "monotonic", lambda: 5.0)
    assert frequency.known_common("core_search_a", read("cormorant"), ["case", "message"]) is None


async def test_words_are_read_by_postgres_as_they_are_written(stage):
    odd = "ŁÓDŹ ½ ﬁ don't a@b.example +48 600 700 800 49,99 中文 слово 'x' \\ :* & | ! ( ) <-> \t\n tab"
    assert (
        await db.fetchval("SELECT length($1::text::tsvector)", vector([Part("A", odd), Part("", odd, prose=True)])) > 10
    )
    for text in (odd[:60], '"don\'t a@b.example"', "слово 中文", "-600 700 800 lodz"):
        asked = read(text)
        assert asked is not None
        for weights in ("", "A", "ABD"):
            assert await db.fetchval("SELECT $1::text::tsquery IS NOT NULL", asked.query(weights))
