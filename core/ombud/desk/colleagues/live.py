"""What happened a moment ago, as those who have pages open may know it: ids and codes, never words.

They are told at the commit (`trust.ledger.tell_news`, `tell_of_case`); here they pass the policy, for many viewers in
one statement.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.trail.history import PLAIN, QUIET, SAID
from ombud.kernel.database import db
from ombud.trust.ledger import LOOK_AGAIN, NEWS
from ombud.trust.policy import Arguments, Viewer, about_me, decide

CHANNEL = NEWS
RIGHTS = "ombud_rights"  # says which table changed that decides who may know what
AT_ONCE = 50  # viewers in one statement
CHANGED = "case.changed"
PRESENCE, CLAIM, INBOX, NOTICE = "presence", "claim", "inbox", "notice"
_SIGNS = {"p": PRESENCE, "c": CLAIM}


@dataclass(frozen=True)
class News:
    """One piece. `case_id`: of a case, for INBOX of a message, for NOTICE of whom it is for. `seq` is the entry's
    number in the case's stream, 0
    where there is no entry; `former`: who held the claim that somebody took over."""

    case_id: UUID
    kind: str
    seq: int = 0
    actor: str = ""
    former: str = ""


@dataclass(frozen=True)
class Told:
    """A piece of news for one viewer."""

    reference: str
    kind: str
    seq: int
    version: int
    queue: str
    mine: bool
    taken_from_me: bool

    def body(self) -> dict[str, Any]:
        return {
            "case": self.reference, "kind": self.kind, "seq": self.seq, "version": self.version, "queue": self.queue,
            "mine": self.mine, "taken": self.taken_from_me,
        }  # fmt: skip


def read_news(payloads: Iterable[str]) -> list[News] | None:
    """The notices without repetition; None where one says that much has changed, or cannot be read."""
    found: dict[News, None] = {}
    for payload in payloads:
        news = _news(payload.split(" "))
        if news is None:
            return None
        found[news] = None
    return list(found)


def _news(parts: list[str]) -> News | None:
    try:
        if parts[0] == "i":
            return News(UUID(parts[1]), INBOX)
        if parts[0] == "n":
            return News(UUID(parts[1]), NOTICE)
        if parts[0] == "e":
            _, case_id, seq, kind, actor = parts
            return News(UUID(case_id), kind, int(seq), actor)
        sign, case_id, actor, former = parts
        return News(UUID(case_id), _SIGNS[sign], 0, actor, former)
    except (ValueError, KeyError, IndexError):
        return None


def tell_of_case(kind: str, case_id: UUID, actor: str, former: UUID | None = None) -> None:
    """Tells open pages, at the commit, of what leaves no entry: presence or a claim."""
    sign = {name: sign for sign, name in _SIGNS.items()}[kind]
    db.tell(CHANNEL, f"{sign} {case_id} {actor} {former or ''}")


def look_again() -> None:
    """A process begins: one that died before it may have left news untold, so all open pages look once."""
    db.tell(CHANNEL, LOOK_AGAIN)


async def told(viewers: Sequence[Viewer], news: Sequence[News]) -> list[list[Told]]:
    """For each viewer, the news of these that they may know of; one statement for fifty viewers."""
    found: list[list[Told]] = [[] for _ in viewers]
    of_cases = [each for each in news if each.kind not in {INBOX, NOTICE}]
    whom = {each.case_id for each in news if each.kind == NOTICE}
    for place, viewer in enumerate(viewers):
        if viewer.user_id in whom:
            found[place].append(Told("", NOTICE, 0, 0, "", False, False))
    await _told_of_the_inbox(found, viewers, [each.case_id for each in news if each.kind == INBOX])
    for start in range(0, len(viewers), AT_ONCE):
        for row in await _seen(viewers[start : start + AT_ONCE], of_cases) if of_cases else ():
            place = start + row["who"]
            found[place].append(_told(viewers[place], of_cases[row["n"]], row))
    return found


async def _told_of_the_inbox(found: list[list[Told]], viewers: Sequence[Viewer], messages: Sequence[UUID]) -> None:
    """That something changed in the inbox, once for each viewer who may see one of these messages."""
    open_to = [place for place, viewer in enumerate(viewers) if viewer.may("inbox.read")] if messages else []
    for start in range(0, len(open_to), AT_ONCE):
        places = open_to[start : start + AT_ONCE]
        arguments = Arguments(list(messages))
        branches = [
            f"SELECT {place} AS place WHERE EXISTS (SELECT 1 FROM core_message m WHERE m.id = ANY($1) "
            f"AND {decide(viewers[place], 'inbox.read', 'message').where('m', arguments)})"
            for place in places
        ]
        for row in await db.fetch(" UNION ALL ".join(branches), *arguments.values):
            found[row["place"]].append(Told("", INBOX, 0, 0, "", False, False))


async def _seen(viewers: Sequence[Viewer], news: Sequence[News]) -> list[Any]:
    """An entry is known to those who may read it; presence and claims to those who see the case and are in none of
    its aspects, since somebody's work on a case could tell them of one."""
    arguments = Arguments()
    cases = arguments.add([each.case_id for each in news])
    seqs = arguments.add([each.seq for each in news])
    branches = []
    for who, viewer in enumerate(viewers):
        mine = about_me("c.id", arguments.add(viewer.user_id))
        entry = decide(viewer, "case.read", "entry").where("e", arguments)
        rows = decide(viewer, "case.read", "case").where("c", arguments)
        branches.append(
            f"SELECT {who} AS who, news.n, {mine} AS concerned FROM news JOIN core_case c ON c.id = news.case_id "
            "LEFT JOIN core_ledger_entry e ON news.seq > 0 AND e.stream = 'case/' || news.case_id AND e.seq = news.seq "
            f"WHERE {rows} AND CASE WHEN news.seq > 0 THEN e.seq IS NOT NULL AND {entry} ELSE NOT {mine} END"
        )
    return await db.fetch(
        "WITH news AS MATERIALIZED (SELECT given.case_id, given.seq, given.place - 1 AS n "
        f"FROM unnest({cases}::uuid[], {seqs}::bigint[]) WITH ORDINALITY AS given (case_id, seq, place)) "
        "SELECT seen.who, seen.n, seen.concerned, c.reference, c.version, coalesce(q.key, '') AS queue "
        f"FROM ({' UNION ALL '.join(branches)}) seen JOIN news ON news.n = seen.n "
        "JOIN core_case c ON c.id = news.case_id LEFT JOIN core_queue q ON q.id = c.queue_id ORDER BY seen.who, seen.n",
        *arguments.values,
    )


def _told(viewer: Viewer, news: News, row: Any) -> Told:
    """Kinds that only the audit trail shows, and any kind for somebody an aspect is about, read `case.changed`."""
    plain = news.kind in {*PLAIN, *SAID, *QUIET, PRESENCE, CLAIM} and not row["concerned"]
    return Told(
        reference=row["reference"], kind=news.kind if plain else CHANGED, seq=news.seq, version=row["version"],
        queue=row["queue"], mine=news.actor == viewer.actor,
        taken_from_me=bool(news.former) and news.former == str(viewer.user_id),
    )  # fmt: skip
