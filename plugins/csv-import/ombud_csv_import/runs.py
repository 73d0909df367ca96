"""Imports and their rows in the database: what was begun, what became of each row."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

from ombud_csv_import.faults import Rejected
from ombud_csv_import.reconcile import Duplicate, Figures
from ombud_csv_import.tables import CsvImportRun

PAGE = 500
OPEN_STATES = ("waiting", "running", "stopped", "failed")
"""Begun and not finished: the same file goes on there."""


@dataclass(frozen=True)
class Run:
    """A row of csv_import_run."""

    id: UUID
    file_name: str
    fingerprint: str
    source: str
    unit: str
    layout: str
    mapping: dict[str, Any]
    warnings: list[str]
    state: str
    error: str
    rows_total: int
    rows_in: int
    made: int
    duplicates: int
    rejected: int
    read_to: int
    started_by: str
    file_id: UUID | None
    job_id: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def figures(self) -> Figures:
        return Figures(self.file_name, self.rows_in, self.made, self.duplicates, self.rejected, tuple(self.warnings))


@dataclass(frozen=True)
class Claim:
    """A row that is about to be filed, or is a copy of one that was."""

    line: int
    last_line: int
    key: str
    content: str


@dataclass(frozen=True)
class Held:
    """How a claim fared. fresh: claimed just now. mine: claimed by this import before it was killed.
    Else another row holds the key: its import, line, content, outcome and, once made, its reference."""

    fresh: bool = False
    mine: bool = False
    run: UUID | None = None
    line: int = 0
    content: str = ""
    outcome: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Settled:
    """The fate of one row of the file."""

    line: int
    last_line: int
    outcome: str
    key: str = ""
    content: str = ""
    reference: str = ""
    changed: bool = False
    code: str = ""
    reason: str = ""


async def sql(statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a statement; `{}` stands for a value."""
    return cast(list[dict[str, Any]], await CsvImportRun.raw(statement, *values).run())


async def add(**values: Any) -> UUID:
    """A new import; raises what the database says of values that do not fit."""
    identity = uuid4()
    names = ", ".join(values)
    places = ", ".join("{}" for _ in values)
    await sql(f"INSERT INTO csv_import_run (id, {names}) VALUES ({{}}, {places})", identity, *values.values())
    return identity


async def get(identity: UUID) -> Run | None:
    rows = await sql("SELECT * FROM csv_import_run WHERE id = {}", identity)
    return Run(**rows[0]) if rows else None


async def newest(limit: int = 50) -> list[Run]:
    rows = await sql("SELECT * FROM csv_import_run ORDER BY created_at DESC, id DESC LIMIT {}", limit)
    return [Run(**row) for row in rows]


async def unfinished(fingerprint: str, source: str) -> Run | None:
    """The import of the same bytes under the same source that was begun and not finished, the newest of them."""
    rows = await sql(
        "SELECT * FROM csv_import_run WHERE fingerprint = {} AND source = {} AND state = ANY({}) "
        "ORDER BY created_at DESC LIMIT 1",
        fingerprint,
        source,
        list(OPEN_STATES),
    )
    return Run(**rows[0]) if rows else None


async def change(identity: UUID, only_in: Sequence[str] = (), **values: Any) -> bool:
    """Sets columns of an import; with `only_in`, if it is in one of these states. False if nothing was changed."""
    places = ", ".join(f"{name} = {{}}" for name in values)
    rows = await sql(
        f"UPDATE csv_import_run SET {places} WHERE id = {{}} AND ({{}} OR state = ANY({{}})) RETURNING id",
        *values.values(),
        identity,
        not only_in,
        list(only_in),
    )
    return bool(rows)


async def remove(identity: UUID) -> None:
    await sql("DELETE FROM csv_import_run WHERE id = {} AND state = 'uploaded'", identity)


async def stale(upload_days: int, file_days: int) -> list[Run]:
    """Uploads nobody started for so many days, and imports nobody finished whose file is still kept."""
    rows = await sql(
        "SELECT * FROM csv_import_run WHERE (state = 'uploaded' AND created_at < now() - make_interval(days => {})) OR "
        "(state IN ('stopped', 'failed') AND file_id IS NOT NULL AND created_at < now() - make_interval(days => {}))",
        upload_days,
        file_days,
    )
    return [Run(**row) for row in rows]


async def try_lock(source: str) -> bool:
    """Until the end of the transaction no other process files rows of this source."""
    rows = await sql("SELECT pg_try_advisory_xact_lock(hashtextextended({}, 0)) AS got", f"csv-import/{source}")
    return bool(rows[0]["got"])


async def claim(run: UUID, claims: Sequence[Claim]) -> dict[int, Held]:
    """Writes down who will make which case, before any is made; call it inside a transaction. By line."""
    if not claims:
        return {}
    fresh = await sql(
        """
        INSERT INTO csv_import_row (run, line, last_line, key, content)
        SELECT {}::uuid, * FROM unnest({}::int[], {}::int[], {}::text[], {}::text[])
        ON CONFLICT DO NOTHING RETURNING line
        """,
        run,
        [each.line for each in claims],
        [each.last_line for each in claims],
        [each.key for each in claims],
        [each.content for each in claims],
    )
    held = {row["line"]: Held(fresh=True) for row in fresh}
    rest = [each for each in claims if each.line not in held]
    if rest:
        holders = {row["key"]: row for row in await _holders(rest)}
        held |= {each.line: _held(run, each, holders.get(each.key)) for each in rest}
    return held


async def _holders(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    return await sql(
        "SELECT key, run, line, content, outcome, reference FROM csv_import_row "
        "WHERE key = ANY({}) AND outcome IN ('filing', 'made')",
        [each.key for each in claims],
    )


def _held(run: UUID, claim: Claim, holder: Mapping[str, Any] | None) -> Held:
    if holder is None or (holder["run"] == run and holder["line"] == claim.line):
        return Held(mine=True)
    return Held(**{name: holder[name] for name in ("run", "line", "content", "outcome", "reference")})


async def claimed(keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Reference and content of what was filed under these keys before."""
    rows = await sql(
        "SELECT key, reference, content FROM csv_import_row WHERE key = ANY({}) AND outcome = 'made'", list(keys)
    )
    return {row["key"]: (row["reference"], row["content"]) for row in rows}


async def credit(run: UUID, line: int, reference: str) -> None:
    """A case that a row of another, broken-off import holds is booked there."""
    await sql(
        "UPDATE csv_import_row SET outcome = 'made', reference = {} "
        "WHERE run = {} AND line = {} AND outcome = 'filing'",
        reference,
        run,
        line,
    )


async def settle(run: UUID, rows: Sequence[Settled], read_to: int) -> bool:
    """Books a batch; call it inside a transaction. False if the import was stopped meanwhile."""
    await sql(
        """
        INSERT INTO csv_import_row
            (run, line, last_line, outcome, key, content, reference, changed, code, reason)
        SELECT {}::uuid, * FROM unnest({}::int[], {}::int[], {}::text[], {}::text[], {}::text[], {}::text[],
            {}::bool[], {}::text[], {}::text[])
        ON CONFLICT (run, line) DO UPDATE SET outcome = excluded.outcome, key = excluded.key,
            content = excluded.content, reference = excluded.reference, changed = excluded.changed,
            code = excluded.code, reason = excluded.reason
        """,
        run,
        *([getattr(each, name) for each in rows] for name in Settled.__dataclass_fields__),
    )
    count = {outcome: sum(each.outcome == outcome for each in rows) for outcome in ("made", "duplicate", "rejected")}
    states = await sql(
        "UPDATE csv_import_run SET read_to = {}, rows_in = rows_in + {}, made = made + {}, "
        "duplicates = duplicates + {}, rejected = rejected + {} WHERE id = {} RETURNING state",
        read_to,
        len(rows),
        count["made"],
        count["duplicate"],
        count["rejected"],
        run,
    )
    return bool(states) and states[0]["state"] == "running"


async def finish(run: UUID) -> Run:
    """The figures of the report are counted anew from the rows."""
    rows = await sql(
        """
        UPDATE csv_import_run SET state = 'finished', error = '', finished_at = now(), rows_in = c.rows_in,
            made = c.made, duplicates = c.duplicates, rejected = c.rejected
        FROM (SELECT count(*) AS rows_in, count(*) FILTER (WHERE outcome = 'made') AS made,
            count(*) FILTER (WHERE outcome = 'duplicate') AS duplicates,
            count(*) FILTER (WHERE outcome = 'rejected') AS rejected FROM csv_import_row WHERE run = {}) AS c
        WHERE id = {} RETURNING csv_import_run.*
        """,
        run,
        run,
    )
    return Run(**rows[0])


async def without_case(run: UUID, after: int = 0, limit: int = PAGE) -> list[Rejected | Duplicate]:
    """Rows that made no case, in the order of the file, after a line."""
    rows = await sql(
        "SELECT line, last_line, outcome, reference, changed, code, reason FROM csv_import_row "
        "WHERE run = {} AND line > {} AND outcome IN ('duplicate', 'rejected') ORDER BY line LIMIT {}",
        run,
        after,
        limit,
    )
    return [
        Rejected(row["line"], row["last_line"], row["code"], row["reason"])
        if row["outcome"] == "rejected"
        else Duplicate(row["line"], row["reference"], row["changed"])
        for row in rows
    ]


async def all_without_case(run: UUID) -> AsyncIterator[Rejected | Duplicate]:
    """The same, page by page, however many."""
    after = 0
    while page := await without_case(run, after):
        for item in page:
            yield item
        after = page[-1].line
