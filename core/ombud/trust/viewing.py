"""The record of who looked at which case: gathered in memory while pages are answered, written in bulk by itself.

No page waits for it. A process that stops in order writes what it holds; one that is killed loses what was looked at in
its last `SECONDS` (and no more than `MOST` lines while the database is away, which the log says).
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from ombud.kernel import faults
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.policy import Viewer

log = logging.getLogger("ombud.viewing")

SECONDS = 2.0  # what a process that is killed may lose
AGAIN = timedelta(minutes=15)  # whoever comes back within these is on the same line
MOST = 20_000  # lines held while the database is away


@dataclass
class Look:
    """What one request looks at: filled by whatever reads a case for the viewer."""

    cases: dict[UUID, Viewer] = field(default_factory=dict)


_look: ContextVar[Look | None] = ContextVar("ombud_look_at_cases", default=None)


@contextmanager
def looking() -> Iterator[Look]:
    """Around one request; what is read inside, also in tasks that it starts, is noted in the look."""
    look = Look()
    token = _look.set(look)
    try:
        yield look
    finally:
        _look.reset(token)


def saw(viewer: Viewer, case_id: UUID) -> None:
    """The viewer reads this case now. Costs nothing outside a request, for machines and for customers."""
    look = _look.get()
    if look is not None and viewer.user_id is not None and not viewer.system:
        look.cases[case_id] = viewer


_Key = tuple[UUID, UUID, str, str, bool]


@dataclass
class _Line:
    first_at: datetime
    last_at: datetime
    times: int


class Held:
    """The lines of this process that are not written yet."""

    def __init__(self) -> None:
        self._lines: dict[_Key, _Line] = {}
        self._task: asyncio.Task[None] | None = None
        self._lost = 0

    def __len__(self) -> int:
        return len(self._lines)

    def note(self, viewer: Viewer, case_id: UUID, part: str, *, counts: bool = True) -> None:
        """`counts`: False for what a page that is open fetches by itself: it leaves a line, and is no further look."""
        assert viewer.user_id is not None
        key = (case_id, viewer.user_id, viewer.actor, part, case_id in viewer.opened())
        moment = now()
        line = self._lines.get(key)
        if line is not None:
            line.last_at, line.times = max(line.last_at, moment), line.times + counts
        elif len(self._lines) < MOST:
            self._lines[key] = _Line(moment, moment, int(counts))
        else:
            self._lost += 1

    async def write(self) -> int:
        """Writes what is held, in one transaction of two statements; returns how many lines. What cannot be written is
        kept for the next time."""
        lines, self._lines = self._lines, {}
        if not lines:
            return 0
        try:
            await _write(lines)
        except BaseException:
            self._take_back(lines)
            raise
        if self._lost:
            log.error("the record of views lost %s looks while the database was away", self._lost)
            self._lost = 0
        return len(lines)

    def _take_back(self, lines: dict[_Key, _Line]) -> None:
        newer, self._lines = self._lines, lines
        for key, line in newer.items():
            known = self._lines.setdefault(key, line)
            if known is not line:
                known.last_at, known.times = line.last_at, known.times + line.times

    def start(self) -> None:
        """When the process's event loop runs and its database is open."""
        self._task = asyncio.create_task(self._run(), name="ombud viewing")

    async def stop(self) -> None:
        """Before the database is closed: nothing that was looked at is lost."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        try:
            await self.write()
        except Exception as problem:
            log.error("%s lines of the record of views are lost: %s", len(self._lines), faults.told(problem))
            self._lines = {}

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            try:
                await self.write()
            except Exception as problem:
                log.warning("the record of views waits: %s", faults.told(problem))


held = Held()

# A line goes on where the same person looked at the same part within `AGAIN`; cases and users that are gone meanwhile
# leave nothing.
_WRITE = """
WITH given AS (
    SELECT g.*, l.id AS line FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[],
        $7::timestamptz[], $8::timestamptz[], $9::int[])
        AS g (id, case_id, user_id, actor, part, emergency, first_at, last_at, times)
    JOIN core_case c ON c.id = g.case_id JOIN core_user u ON u.id = g.user_id
    LEFT JOIN LATERAL (SELECT v.id FROM core_viewing v WHERE v.case_id = g.case_id AND v.actor = g.actor
        AND v.part = g.part AND v.emergency = g.emergency AND v.last_at >= g.first_at - $10::interval
        AND v.first_at <= g.last_at ORDER BY v.last_at DESC, v.id LIMIT 1) l ON TRUE),
longer AS (
    UPDATE core_viewing v SET last_at = greatest(v.last_at, g.last_at), times = v.times + g.times
    FROM given g WHERE v.id = g.line)
INSERT INTO core_viewing (id, case_id, user_id, actor, part, emergency, first_at, last_at, times)
SELECT id, case_id, user_id, actor, part, emergency, first_at, last_at, greatest(times, 1) FROM given WHERE line IS NULL
"""


async def _write(lines: dict[_Key, _Line]) -> None:
    keys, values = list(lines), list(lines.values())
    columns = [list(column) for column in zip(*keys, strict=True)]
    async with db.transaction():
        # Two processes that write at once would each begin a line.
        await db.execute("SELECT pg_advisory_xact_lock(hashtext('core_viewing'))")
        await db.execute(
            _WRITE, [new_id() for _ in keys], *columns, [each.first_at for each in values],
            [each.last_at for each in values], [each.times for each in values], AGAIN,
        )  # fmt: skip
