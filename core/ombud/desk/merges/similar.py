"""Open cases that a new message may be about: of the same person, or in the same words; only those the viewer sees."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ombud.desk.customers import plain
from ombud.desk.search.words import COMMON, WORD, fold, stems
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, about_me, decide

MOST = 6
LOOKED_AT = 2000  # of the newest open cases in view, so that a look costs the same however old the desk is
RECENT = timedelta(days=120)
WORDS = 24
ENOUGH = 0.5  # of the telling words of the text; with less, cases share a product but not a grievance


@dataclass(frozen=True)
class Similar:
    """A case. `why`: email, phone or words; `share`: how much of the words it holds, from 0 to 1."""

    reference: str
    title: str
    status: str
    received_at: datetime
    why: str
    share: float


async def similar(
    viewer: Viewer, *, email: str = "", phone: str = "", text: str = "", without: Collection[UUID] = ()
) -> tuple[Similar, ...]:
    """The likeliest first: the same e-mail address or telephone, then the same words; two statements at most."""
    known = await _same_person(viewer, email.strip().lower(), plain("phone", phone), without)
    alike = await _same_words(viewer, _telling(text), without) if len(known) < MOST else []
    seen = {each.reference for each in known}
    return tuple([*known, *(each for each in alike if each.reference not in seen)][:MOST])


_SHOWN = "c.reference, CASE WHEN {mine} THEN c.reference ELSE c.title END AS title, c.status, c.received_at"
_PERSON = """
SELECT {shown}, CASE WHEN {email} <> '' AND lower(p.email) = {email} THEN 'email' ELSE 'phone' END AS why
FROM core_person p JOIN core_party y ON y.person_id = p.id JOIN core_case c ON c.id = y.case_id
WHERE (({email} <> '' AND p.email <> '' AND lower(p.email) = {email})
    OR (length({phone}) > 6 AND p.phone <> '' AND right(regexp_replace(p.phone, '[^0-9]', '', 'g'), 9) = {phone}))
AND c.status <> 'closed' AND NOT c.id = ANY({without}::uuid[]) AND {rows} AND c.unit_id = ANY({reachable}::uuid[])
ORDER BY c.received_at DESC, c.id DESC LIMIT {limit}
"""


async def _same_person(viewer: Viewer, email: str, phone: str, without: Collection[UUID]) -> list[Similar]:
    """Told only where the viewer may see contacts, so that a guess at an address tells nothing."""
    if not email and len(phone) < 7:
        return []
    arguments = Arguments()
    sql = _PERSON.format(
        shown=_SHOWN.format(mine=about_me("c.id", arguments.add(viewer.user_id))), email=arguments.add(email),
        phone=arguments.add(phone), without=arguments.add(list(without)),
        rows=decide(viewer, "case.read", "case").where("c", arguments),
        reachable=arguments.add(list(viewer.units("person.contact"))), limit=arguments.add(MOST),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    return list({row["reference"]: _similar(row, row["why"], 1.0) for row in rows}.values())


_WORDS = """
WITH recent AS MATERIALIZED (SELECT c.* FROM core_case c WHERE c.status <> 'closed' AND c.opened_at > {since}
    AND NOT c.id = ANY({without}::uuid[]) AND {rows} AND NOT {mine}
    ORDER BY c.opened_at DESC, c.id DESC LIMIT {looked}),
shared AS (SELECT c.*, (SELECT count(*) FROM unnest({words}::text[]) AS word WHERE s.words @@ word::tsquery) AS held
    FROM recent c JOIN core_search s ON s.id = c.id AND s.kind = 'case' WHERE s.words @@ {any}::tsquery)
SELECT reference, title, status, received_at, held FROM shared WHERE held >= {enough}
ORDER BY held DESC, received_at DESC, id LIMIT {limit}
"""


async def _same_words(viewer: Viewer, words: list[str], without: Collection[UUID]) -> list[Similar]:
    if len(words) < 3:
        return []
    arguments = Arguments()
    quoted = [f"'{word}'" for word in words]
    sql = _WORDS.format(
        since=arguments.add(now() - RECENT), without=arguments.add(list(without)),
        rows=decide(viewer, "case.read", "case").where("c", arguments),
        mine=about_me("c.id", arguments.add(viewer.user_id)), looked=arguments.add(LOOKED_AT),
        words=arguments.add(quoted), any=f"{arguments.add(' | '.join(quoted))}::text",
        enough=arguments.add(max(3, round(len(words) * ENOUGH))), limit=arguments.add(MOST),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    return [_similar(row, "words", row["held"] / len(words)) for row in rows]


def _telling(text: str) -> list[str]:
    """The first stems of the words that say what it is about, each once."""
    folded = dict.fromkeys(fold(word) for word in WORD.findall(text[:4000]))
    telling = [word for word in folded if len(word) > 3 and word not in COMMON and word.isalpha()]
    return list(dict.fromkeys(stem for word in telling if (stem := stems(word)[0]).isalnum()))[:WORDS]


def _similar(row: Any, why: str, share: float) -> Similar:
    return Similar(row["reference"], row["title"], row["status"], row["received_at"], why, share)
