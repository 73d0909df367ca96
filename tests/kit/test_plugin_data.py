"""What plugins keep of a person is collected and erased by core alone, from the declaration that the database keeps."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from ombud.kernel.database import db
from ombud.trust import plugin_data
from ombud.trust.plugin_data import ERASED, MayNotTouchPersonError
from ombud.trust.policy import SYSTEM

PERSON, CASE, ASPECT, MESSAGE, PAGE, LOOSE, GONE = (
    f"gone_{each}" for each in ("person", "case", "aspect", "message", "page", "loose", "missing")
)
TABLES = [
    {"name": PERSON, "person": "who", "person_via": "person", "personal": ["note", "tags", "score"], "erase": "blank"},
    {"name": CASE, "person": "case_id", "person_via": "case", "personal": ["note"], "erase": "delete"},
    {"name": ASPECT, "person": "aspect_id", "person_via": "aspect", "personal": ["note"], "erase": "delete"},
    {"name": MESSAGE, "person": "message_id", "person_via": "message", "personal": ["note"], "erase": "delete"},
    {"name": PAGE, "person": "owner", "person_via": CASE, "personal": ["note"], "erase": "delete"},
    {"name": LOOSE, "person": "", "person_via": "person", "personal": ["note"], "erase": "delete"},
    {"name": GONE, "person": "who", "person_via": "person", "personal": ["note"], "erase": "delete"},
]


@pytest.fixture
async def helena(desk: Any) -> UUID:
    """A complainant of whom a plugin that is not installed here kept something in each way, beside somebody else."""
    await db.execute(
        f"""
        CREATE TABLE {PERSON} (id uuid PRIMARY KEY, who uuid, note text NOT NULL, tags jsonb NOT NULL, score numeric);
        CREATE TABLE {CASE} (id uuid PRIMARY KEY, case_id uuid, note text NOT NULL);
        CREATE TABLE {ASPECT} (id uuid PRIMARY KEY, aspect_id uuid, note text NOT NULL);
        CREATE TABLE {MESSAGE} (id uuid PRIMARY KEY, message_id uuid, note text NOT NULL);
        CREATE TABLE {PAGE} (id uuid PRIMARY KEY, owner uuid, note text NOT NULL);
        CREATE TABLE {LOOSE} (id uuid PRIMARY KEY, note text NOT NULL)
        """
    )
    await db.execute(
        "INSERT INTO core_plugin (slug, wanted_on, applied_version, declaration, changed_by, changed_at) "
        "VALUES ('gone', FALSE, '1.0', $1, 'system', now())",
        {"prefix": "gone_", "tables": TABLES},
    )
    people = []
    for name in ("Helena", "Igor"):
        filed = await desk.file(f"{name} was charged twice.", name=name, email=f"{name.lower()}@example.org")
        person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
        await _kept(name, person, filed.case_id)
        people.append(person)
    return UUID(str(people[0]))


async def _kept(name: str, person: UUID, case: UUID) -> None:
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", case)
    message = await db.fetchval("SELECT id FROM core_message WHERE case_id = $1", case)
    owner = uuid4()
    await db.execute(f"INSERT INTO {PERSON} VALUES ($1, $2, $3, $4, 5)", uuid4(), person, name, {"name": name})
    await db.execute(f"INSERT INTO {CASE} VALUES ($1, $2, $3)", owner, case, name)
    await db.execute(f"INSERT INTO {PAGE} VALUES ($1, $2, $3)", uuid4(), owner, name)
    await db.execute(f"INSERT INTO {ASPECT} VALUES ($1, $2, $3)", uuid4(), aspect, name)
    await db.execute(f"INSERT INTO {MESSAGE} VALUES ($1, $2, $3)", uuid4(), message, name)
    await db.execute(f"INSERT INTO {LOOSE} VALUES ($1, $2)", uuid4(), name)


async def notes(table: str) -> list[str]:
    return sorted(row["note"] for row in await db.fetch(f"SELECT note FROM {table}"))


async def test_what_a_plugin_without_code_keeps_of_a_person_is_collected_by_every_way_it_leads_to_them(
    helena: UUID,
) -> None:
    held = await plugin_data.collect(SYSTEM, helena)
    assert {each.table: [row["note"] for row in each.rows] for each in held} == {
        table: ["Helena"] for table in (PERSON, CASE, ASPECT, MESSAGE, PAGE)
    }
    assert {each.slug for each in held} == {"gone"}
    assert held[0].rows[0] == {"note": "Helena", "tags": {"name": "Helena"}, "score": 5}


async def test_erasure_blanks_or_deletes_as_declared_and_touches_nobody_else(helena: UUID) -> None:
    gone = await plugin_data.erase(SYSTEM, helena)
    assert gone == dict.fromkeys((PERSON, CASE, ASPECT, MESSAGE, PAGE), 1)
    assert await notes(PERSON) == ["", "Igor"]
    blank = await db.fetchrow(f"SELECT tags, score FROM {PERSON} WHERE note = ''")
    assert (blank["tags"], blank["score"]) == ({}, None)
    for table in (CASE, ASPECT, MESSAGE, PAGE):
        assert await notes(table) == ["Igor"], table
    assert await notes(LOOSE) == ["Helena", "Igor"], "what leads to nobody goes by itself, as its plugin promises"
    again = await plugin_data.erase(SYSTEM, helena)
    assert again == {PERSON: 1}, "a row that was blanked stays the person's and is blanked again"


async def test_both_stand_in_the_ledger_of_the_person_with_counts_and_no_values(helena: UUID, desk: Any) -> None:
    await plugin_data.collect(SYSTEM, helena)
    await plugin_data.erase(SYSTEM, helena)
    rows = await db.fetch(
        "SELECT kind, actor, body::text AS body FROM core_ledger_entry WHERE stream = $1 ORDER BY seq",
        f"person/{helena}",
    )
    assert [row["kind"] for row in rows][-2:] == ["person.plugin_data_collected", ERASED]
    assert "Helena" not in "".join(row["body"] for row in rows)
    assert f'"{CASE}": 1' in rows[-1]["body"]
    page = await (await desk.signed_in("compliance")).get("/administration/ledger/entries")
    assert "erased what plugins kept of a person" in page.text


async def test_who_may_not_change_people_neither_collects_nor_erases(helena: UUID, desk: Any) -> None:
    quality = await desk.viewer("quality")
    for act in (plugin_data.collect, plugin_data.erase):
        with pytest.raises(MayNotTouchPersonError, match="Ask an administrator"):
            await act(quality, helena)
    assert await notes(CASE) == ["Helena", "Igor"]


async def test_a_fault_in_the_middle_erases_nothing(helena: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(**about: Any) -> None:
        raise RuntimeError("the ledger is away")

    monkeypatch.setattr(plugin_data, "append", fail)
    with pytest.raises(RuntimeError):
        await plugin_data.erase(SYSTEM, helena)
    for table in (PERSON, CASE, ASPECT, MESSAGE, PAGE):
        assert await notes(table) == ["Helena", "Igor"]
