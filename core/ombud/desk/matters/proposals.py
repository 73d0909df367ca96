"""Proposed aspects: made by classifiers or by a person, and accepted, edited or rejected by a person, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import aspects, taxonomies
from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.matters import pins
from ombud.desk.opening import shortened
from ombud.desk.taxonomies import worded
from ombud.desk.words import is_code
from ombud.desk.writing import lock_case, record, refuse_concerned
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.policy import Arguments, Viewer, about_me, decide


@dataclass(frozen=True)
class ProposalShown:
    """A proposal that waits for a person. `text`: the passages it rests on, out of the message as it stands; `by`: the
    plugin's slug or a colleague's name."""

    id: UUID
    message_id: UUID
    category: str
    category_label: str
    title: str
    text: str
    reason: str
    by: str
    by_person: bool


_WAITING = """
SELECT f.id, f.message_id, f.value, f.reason, f.provider, m.body, g.labels,
    coalesce(nullif(w.display_name, ''), w.name, split_part(f.provider, '/', 2)) AS by
FROM core_finding f JOIN core_message m ON m.id = f.message_id AND {messages}
LEFT JOIN core_taxonomy_term g ON g.kind = 'category' AND g.code = f.value->>'category'
LEFT JOIN core_user w ON f.provider = 'user/' || w.id
WHERE f.case_id = {case} AND f.kind = 'aspect' AND f.state = 'suggested' AND NOT {mine}{one}
ORDER BY f.created_at, f.id LIMIT 100
"""


async def waiting(viewer: Viewer, case_id: UUID, only: UUID | None = None) -> tuple[ProposalShown, ...]:
    """Those of a case the viewer may see; none for somebody an aspect of it is about. One statement."""
    arguments = Arguments()
    sql = _WAITING.format(
        messages=decide(viewer, "case.read", "message").where("m", arguments), case=arguments.add(case_id),
        mine="FALSE" if viewer.system else about_me("f.case_id", arguments.add(viewer.user_id)),
        one=f" AND f.id = {arguments.add(only)}" if only else "",
    )  # fmt: skip
    return tuple(_shown(row, viewer.language) for row in await db.fetch(sql, *arguments.values))


def _shown(row: Record, language: str) -> ProposalShown:
    category = row["value"].get("category", "")
    label = worded(row["labels"], category, language)
    text = " … ".join(row["body"][start:finish].strip() for start, finish in _spans(row)) or row["body"]
    return ProposalShown(
        row["id"], row["message_id"], category, label, label or shortened(text, 80), text, row["reason"], row["by"],
        row["provider"].startswith("user/"),
    )  # fmt: skip


def _spans(row: Mapping[str, Any]) -> list[tuple[int, int]]:
    length = len(row["body"])
    return [(start, finish) for start, finish in row["value"].get("spans", ()) if 0 <= start < finish <= length]


async def propose(viewer: Viewer, case_id: UUID, message_id: UUID, quote: str, category: str = "") -> UUID:
    """A person's own proposal, for a colleague to accept: a passage of a message, and what it seems to be about."""
    quote = clean_text(quote, "quote", longest=20_000, required=True)
    category = clean_text(category, "category", longest=200)
    async with db.transaction():
        case = await lock_case(viewer, "case.write", case_id)
        await refuse_concerned(viewer, case_id)
        refuse_closed(case)
        grant, arguments = decide(viewer, "case.read", "message"), Arguments()
        place = arguments.add(message_id), arguments.add(case_id)
        body = await db.fetchval(
            f"SELECT m.body FROM core_message m WHERE m.id = {place[0]} AND m.case_id = {place[1]} "
            f"AND {grant.where('m', arguments)}",
            *arguments.values,
        )
        if body is None:
            raise Invalid("This message is not in the case. Choose one of the list.", "message")
        span = pins.found_in(body, quote)
        code = await taxonomies.coded("category", case["unit_id"], taxonomies.today(), category)
        identity = new_id()
        value = {"category": code if is_code(code) else "", "classifier": "", "version": "", "spans": [list(span)]}
        await db.execute(
            "INSERT INTO core_finding (id, case_id, message_id, provider, kind, value, reason, state, created_at) "
            "VALUES ($1, $2, $3, $4, 'aspect', $5, '', 'suggested', $6)",
            identity, case_id, message_id, f"user/{viewer.user_id}", value, now(),
        )  # fmt: skip
        body_ = {"finding": str(identity), "message": str(message_id), "category": value["category"]}
        await record(viewer, case_id, "aspect.proposed", body_)
        return identity


async def accept(
    viewer: Viewer, case_id: UUID, finding_id: UUID, *, title: str | None = None, text: str | None = None,
    category: str | None = None, into: UUID | None = None,
) -> UUID:  # fmt: skip
    """Makes an aspect of a proposal, as it is or as the person edited it; or says that it is about one there is already
    (`into`), which gets its category where it has none. Its passages are pinned. Gives the aspect."""
    async with db.transaction():
        found = await _locked(viewer, case_id, finding_id)
        chosen = found.category if category is None else category
        if into is None:
            made = await aspects.add(viewer, case_id, text or found.text, title or found.title, chosen)
        else:
            made = await _fill(viewer, case_id, into, chosen)
        await _pin(viewer, made, finding_id)
        await db.execute("UPDATE core_finding SET state = 'accepted', aspect_id = $2 WHERE id = $1", finding_id, made)
        edited = (
            title not in {None, found.title} or text not in {None, found.text}
            or category not in {None, found.category, found.category_label}
        )  # fmt: skip
        body = {
            "aspect": str(made), "finding": str(finding_id), "message": str(found.message_id), "edited": edited,
            "into": into is not None,
        }  # fmt: skip
        await record(viewer, case_id, "proposal.accepted", body)
        return made


async def _fill(viewer: Viewer, case_id: UUID, aspect_id: UUID, category: str) -> UUID:
    """An empty category is filled; what a person chose before stays."""
    row = await db.fetchrow("SELECT category FROM core_aspect WHERE id = $1 AND case_id = $2", aspect_id, case_id)
    if row is None:
        raise Invalid("This aspect is not in the case. Choose one of the list.", "into")
    if not row["category"] and category:
        await aspects.change(viewer, aspect_id, {"category": category}, None)
    return aspect_id


async def _pin(viewer: Viewer, aspect_id: UUID, finding_id: UUID) -> None:
    row = await db.fetchrow(
        "SELECT f.value, f.message_id, m.body FROM core_finding f JOIN core_message m ON m.id = f.message_id "
        "WHERE f.id = $1",
        finding_id,
    )
    assert row is not None
    for start, finish in _spans(row)[: pins.MOST // 10]:
        await pins.pin_passage(viewer, aspect_id, row["message_id"], row["body"][start:finish], start)


async def reject(viewer: Viewer, case_id: UUID, finding_id: UUID) -> None:
    """The proposal goes; the same is not proposed of this message again."""
    async with db.transaction():
        found = await _locked(viewer, case_id, finding_id)
        await db.execute("UPDATE core_finding SET state = 'rejected' WHERE id = $1", finding_id)
        body = {"finding": str(finding_id), "message": str(found.message_id), "category": found.category}
        await record(viewer, case_id, "proposal.rejected", body)


async def _locked(viewer: Viewer, case_id: UUID, finding_id: UUID) -> ProposalShown:
    case = await lock_case(viewer, "case.write", case_id)
    await refuse_concerned(viewer, case_id)
    refuse_closed(case)
    found = await waiting(viewer, case_id, finding_id)
    if not found:
        raise NotNow("This proposal was decided already. Open the case again to see how it stands.")
    return found[0]
