"""Everything the page of one case shows to one viewer, in eight statements whatever its size."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ombud.desk import deadlines, references, tags
from ombud.desk.actions import Standing, aspect_actions, case_actions, rights_in
from ombud.desk.case_shown import (
    AspectShown,
    CasePageView,
    CaseShown,
    FindingShown,
    NeedsShown,
    NextClock,
    PartyShown,
    RedressShown,
)
from ombud.desk.colleagues import claims, drafts
from ombud.desk.errors import Invalid
from ombud.desk.fields import form
from ombud.desk.matters.uncategorised import RETURN_BEGUN
from ombud.desk.routing.shown import GLANCE, glance_of
from ombud.desk.shown import Named, answered_at, clock_shown, emptied
from ombud.desk.taxonomies import worded
from ombud.desk.trail.history import SPOKEN_ABOUT
from ombud.desk.trail.timeline import FileShown, timeline
from ombud.desk.words import letter
from ombud.desk.writing import demand, no_case
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import viewing
from ombud.trust.policy import OPENED, Arguments, Viewer, about_me, decide, mask_in, without_emergency


async def case_page(
    viewer: Viewer, reference: str, *, about: str = "", before: str = "", talk: bool = True
) -> CasePageView:
    """The page; `about`: letter of an aspect that filters the timeline, `before`: cursor of its earlier part;
    without `talk` only case, aspects, parties and actions, in three statements.

    Raises NotFound with one text for missing and hidden, Invalid for a letter or cursor that leads nowhere."""
    demand(viewer, "case.read")
    row = await _case(viewer, reference)
    case_id, unit_id = row["id"], row["unit_id"]
    viewing.saw(viewer, case_id)
    mask = mask_in(viewer, unit_id)
    rights = rights_in(viewer, unit_id) if row["plainly"] else frozenset({OPENED})
    rows = await _aspect_rows(viewer, case_id)
    letters = {str(each["id"]): letter(place) for place, each in enumerate(rows, 1)}
    standing = _standing(viewer, row, rows, rights)
    findings = await _findings(viewer, case_id) if talk else ()
    chosen = _chosen(letters, about)
    told = (
        await timeline(viewer, case_id, unit_id, letters, about=chosen, before=before, shares=row["shares"])
        if talk
        else None
    )
    return CasePageView(
        case=_case_shown(viewer, row, rows, mask),
        aspects=tuple(_aspect(viewer, row, each, letters, standing, findings) for each in rows),
        parties=await _parties(viewer, row, mask),
        entries=told.entries if told else (),
        said=row["said"],
        earlier=told.earlier if told else None,
        findings=findings,
        files=tuple(_loose_file(each) for each in row["files"] or ()),
        drafts=_seen_drafts(await drafts.mine(viewer, case_id), letters) if talk else {},
        links=row["links"],
        actions=case_actions(standing),
        people=await _people(row) if talk and "case.assign" in rights else (),
        tied=row["tied"],
        promises=row["promises"],
        return_begun=row["return_begun"],
        final_response=row["final_response"] or "",
        wrote_since=bool(row["wrote_since"]),
        routing=glance_of(viewer, row),
    )


def _chosen(letters: Mapping[str, str], about: str) -> UUID | None:
    if not about:
        return None
    for identity, sign in letters.items():
        if sign == about.upper():
            return UUID(identity)
    raise Invalid("There is no such aspect in this case. Show all messages instead.", "about")


_CASE = """
SELECT c.*, u.name AS unit_name, u.key AS unit_key, u.time_zone, t.label AS type_label, t.fields AS type_fields,
    coalesce(nullif(o.display_name, ''), o.name) AS owner_name, q.name AS queue_name, q.key AS queue_key,
    who.id AS customer_id, who.name AS customer, {mine} AS hidden, {plainly} AS plainly, {claim_columns}, {claims},
    coalesce((SELECT s.seq FROM core_stream s WHERE s.stream = 'case/' || c.id), 0) AS seq,
    (SELECT count(*) FROM core_message m WHERE m.case_id = c.id AND {messages}) AS said,
    (SELECT jsonb_agg(jsonb_build_array(f.id, f.name, f.content_type, f.size) ORDER BY f.created_at, f.id) FROM (
        SELECT * FROM core_attachment f WHERE f.case_id = c.id AND f.message_id IS NULL AND {files}
        ORDER BY f.created_at, f.id LIMIT 200) f) AS files,
    EXISTS (SELECT 1 FROM core_shared_message h WHERE h.case_id = c.id) AS shares,
    (SELECT jsonb_build_array(k.label, k.aspect_id, k.due_at, k.started_at) FROM core_clock k
     WHERE k.case_id = c.id AND k.state = 'running' AND (k.aspect_id IS NULL OR EXISTS (SELECT 1 FROM core_aspect a
         WHERE a.id = k.aspect_id AND {aspects})) ORDER BY k.due_at, k.aspect_id NULLS FIRST LIMIT 1) AS next_clock,
    (SELECT into_.reference FROM core_case into_ WHERE into_.id = c.merged_into) AS merged_into_reference,
    EXISTS (SELECT 1 FROM core_merge g WHERE c.id IN (g.from_case, g.into_case) AND g.undone_at IS NULL) AS tied,
    (SELECT count(*) FROM core_task k JOIN core_aspect a ON a.id = k.aspect_id WHERE a.case_id = c.id
        AND k.done_at IS NULL AND k.dropped_at IS NULL AND {aspects}) AS promises,
    (SELECT o.state FROM core_message m JOIN core_outgoing o ON o.id = m.id WHERE m.case_id = c.id
        AND m.direction = 'out' AND o.kind = 'final_response' AND o.state <> 'cancelled' AND {messages}
        AND o.created_at >= ALL (SELECT a.decided_at FROM core_aspect a WHERE a.case_id = c.id
            AND a.decided_at IS NOT NULL) ORDER BY o.created_at DESC, o.id LIMIT 1) AS final_response,
    (SELECT m.direction = 'in' AND m.said_at >= ALL (SELECT a.decided_at FROM core_aspect a WHERE a.case_id = c.id
            AND a.decided_at IS NOT NULL) FROM core_message m WHERE m.case_id = c.id AND m.direction <> 'note'
        AND {messages} ORDER BY m.said_at DESC, m.id DESC LIMIT 1) AS wrote_since,
    {glance}, ARRAY({tags}) AS tags, {return_begun} AS return_begun,
    (SELECT count(*) FROM core_link l WHERE l.case_id = c.id AND l.revoked_at IS NULL AND l.expires_at > {now}) AS links
FROM core_case c JOIN core_unit u ON u.id = c.unit_id JOIN core_case_type t ON t.key = c.case_type
LEFT JOIN core_user o ON o.id = c.owner_id LEFT JOIN core_queue q ON q.id = c.queue_id {claim}
LEFT JOIN LATERAL (SELECT p.id, p.name FROM core_party y JOIN core_person p ON p.id = y.person_id
    WHERE y.case_id = c.id AND y.role = 'complainant' ORDER BY y.created_at, y.id LIMIT 1) who ON TRUE
WHERE c.reference = {reference} AND {rows}
"""


async def _case(viewer: Viewer, reference: str) -> Any:
    if "\0" in reference or len(reference) > 100:
        raise no_case("with this reference")
    arguments = Arguments()
    moment = arguments.add(now())
    mine = about_me("c.id", arguments.add(viewer.user_id))
    seen_aspects = decide(viewer, "case.read", "aspect").where("a", arguments)
    sql = _CASE.format(
        mine=mine, now=moment, plainly=without_emergency(viewer, "c", arguments),
        glance=GLANCE.format(
            mine="FALSE" if viewer.system else mine, aspects=seen_aspects,
            entries=decide(viewer, "case.read", "entry").where("e", arguments),
        ),
        tags=tags.OF_CASE.format(case="c.id"), return_begun=RETURN_BEGUN,
        claim=claims.joined(moment), claim_columns=claims.COLUMNS, claims=claims.every(moment),
        aspects=seen_aspects, messages=decide(viewer, "case.read", "message").where("m", arguments),
        files=decide(viewer, "case.read", "attachment").where("f", arguments),
        reference=arguments.add(references.tidy(reference) or reference),
        rows=decide(viewer, "case.read", "case").where("c", arguments),
    )  # fmt: skip
    row = await db.steady.fetchrow(sql, *arguments.values)
    if row is None:
        raise no_case(reference)
    return row


def _hidden(viewer: Viewer, row: Any) -> bool:
    return bool(row["hidden"]) and not viewer.system


def _standing(viewer: Viewer, row: Any, aspects: list[Any], rights: frozenset[str]) -> Standing:
    mine = row["owner_id"] is not None and row["owner_id"] == viewer.user_id
    undecided = sum(each["status"] != "closed" for each in aspects)
    return Standing(rights, row["status"], row["owner_id"] is not None, mine, undecided, _hidden(viewer, row))


def _case_shown(viewer: Viewer, row: Any, aspects: list[Any], mask: frozenset[str]) -> CaseShown:
    hidden = _hidden(viewer, row)
    decided = [each["decided_at"] for each in aspects if each["decided_at"]]
    met_at = answered_at(row["status"], row["closed_at"], decided)
    values = {} if hidden else row["fields"]
    return CaseShown(
        id=row["id"], reference=row["reference"], title=row["reference"] if hidden else row["title"],
        customer=None if "customer" in mask else row["customer"], customer_id=row["customer_id"],
        unit=Named(row["unit_id"], row["unit_name"], row["unit_key"]), zone=row["time_zone"],
        case_type=row["case_type"], case_type_label=row["type_label"], status=row["status"], priority=row["priority"],
        severity=row["severity"], mood="" if hidden else row["mood"],
        mood_suggested=row["mood_by"] == "suggested" and not hidden, channel=row["channel"], language=row["language"],
        confidential=row["confidential"], owner=_named(row, "owner"),
        mine=row["owner_id"] is not None and row["owner_id"] == viewer.user_id,
        queue=Named(row["queue_id"], row["queue_name"], row["queue_key"]) if row["queue_id"] else None,
        received_at=row["received_at"], received_on=row["received_on"], opened_at=row["opened_at"],
        due_at=row["due_at"], changed_at=row["changed_at"], closed_at=row["closed_at"],
        clock=clock_shown(row["received_at"], row["due_at"], row["time_zone"], now(), met_at),
        fields=values, form=() if hidden else tuple(form(row["type_fields"], values)), about_me=hidden,
        version=row["version"], claim=claims.of_row(viewer, row, hidden=hidden),
        claims=claims.of_rows(viewer, row, hidden=hidden), seq=row["seq"],
        merged_into=row["merged_into_reference"] or "", next_clock=_next_clock(row["next_clock"], row["time_zone"]),
        tags=() if hidden else tuple(row["tags"]), destroyed=row["destroyed_at"] is not None,
    )  # fmt: skip


def _next_clock(row: Any, zone: str) -> NextClock | None:
    if row is None:
        return None
    name, aspect, due_at, started_at = row
    clock = clock_shown(datetime.fromisoformat(started_at), datetime.fromisoformat(due_at), zone, now())
    return NextClock(name, UUID(aspect) if aspect else None, clock)


def _named(row: Any, what: str) -> Named | None:
    identity = row[f"{what}_id"]
    return Named(identity, row[f"{what}_name"]) if identity else None


_ASPECTS = """
SELECT a.*, coalesce(nullif(o.display_name, ''), o.name) AS owner_name,
    coalesce(nullif(d.display_name, ''), d.name) AS decider_name,
    coalesce(nullif(s.display_name, ''), s.name) AS staff_name,
    (SELECT count(*) FROM core_message m WHERE m.id IN (
        SELECT pin.message_id FROM core_message_aspect pin WHERE pin.aspect_id = a.id
        UNION SELECT pin.message_id FROM core_pin pin WHERE pin.aspect_id = a.id
        UNION SELECT f.message_id FROM core_pin pin JOIN core_attachment f ON f.id = pin.attachment_id
        WHERE pin.aspect_id = a.id) AND {messages}) AS said,
    (SELECT jsonb_agg(jsonb_build_object('id', r.id, 'kind', r.kind, 'amount', r.amount::text, 'currency', r.currency,
        'note', r.note, 'reverses', r.reverses, 'created_at', r.created_at, 'approved', r.approved_by IS NOT NULL,
        'calculation', r.calculation_id, 'working', k.working, 'payment', p.state,
        'paid_on', p.value_date) ORDER BY r.created_at, r.id)
     FROM core_redress r LEFT JOIN core_payment p ON p.line_id = r.id AND p.state <> 'cancelled'
     LEFT JOIN core_calculation k ON k.id = r.calculation_id WHERE r.aspect_id = a.id) AS redress,
    (SELECT count(*) FROM core_redress_request q WHERE q.aspect_id = a.id AND q.state = 'waiting') AS waits,
    g.labels AS category_labels, y.labels AS cause_labels
FROM core_aspect a
LEFT JOIN core_taxonomy_term g ON g.kind = 'category' AND g.code = a.category AND a.category <> ''
LEFT JOIN core_taxonomy_term y ON y.kind = 'cause' AND y.code = a.cause AND a.cause <> ''
LEFT JOIN core_user o ON o.id = a.owner_id LEFT JOIN core_user d ON d.id = a.decided_by
LEFT JOIN core_user s ON s.id = a.concerns_user_id
WHERE a.case_id = {case} AND {rows} ORDER BY a.position
"""


async def _aspect_rows(viewer: Viewer, case_id: UUID) -> list[Any]:
    arguments = Arguments()
    sql = _ASPECTS.format(
        messages=decide(viewer, "case.read", "message").where("m", arguments),
        case=arguments.add(case_id),
        rows=decide(viewer, "case.read", "aspect").where("a", arguments),
    )
    return await db.steady.fetch(sql, *arguments.values)


def _words(row: Any, what: str, viewer: Viewer) -> str:
    labels = row[f"{what}_labels"]
    return worded(labels, row[what], viewer.language) if labels else ""


def _aspect(
    viewer: Viewer,
    case: Any,
    row: Any,
    letters: Mapping[str, str],
    standing: Standing,
    findings: tuple[FindingShown, ...],
) -> AspectShown:
    clock = clock_shown(case["received_at"], row["due_at"], case["time_zone"], now(), row["decided_at"])
    return AspectShown(
        id=row["id"], letter=letters[str(row["id"])], title=row["title"], text=row["text"], category=row["category"],
        status=row["status"], priority=row["priority"], severity=row["severity"], owner=_named(row, "owner"),
        mine=row["owner_id"] is not None and row["owner_id"] == viewer.user_id,
        concerns=Named(row["concerns_user_id"], row["staff_name"]) if row["concerns_user_id"] else None,
        outcome=row["outcome"], reason=row["reason"], cause=row["cause"], due_at=row["due_at"], clock=clock,
        decided_at=row["decided_at"],
        decided_by=Named(row["decided_by"], row["decider_name"]) if row["decided_by"] else None,
        redress=_redress(row["redress"] or []), said=row["said"],
        actions=aspect_actions(standing, row["status"], bool(row["category"])),
        suggested=tuple(each for each in findings if each.aspect_id == row["id"] and each.state == "suggested"),
        version=row["version"], category_words=_words(row, "category", viewer),
        cause_words=_words(row, "cause", viewer), waits=row["waits"], amount_in_dispute=row["amount_in_dispute"],
        disputed_currency=row["disputed_currency"],
        claim=claims.on_aspect(claims.of_rows(viewer, case, hidden=_hidden(viewer, case)), row["id"]),
    )  # fmt: skip


def _redress(lines: list[Mapping[str, Any]]) -> tuple[RedressShown, ...]:
    gone = {each["reverses"] for each in lines if each["reverses"]}
    return tuple(
        RedressShown(
            id=UUID(each["id"]), kind=each["kind"], amount=None if each["amount"] is None else Decimal(each["amount"]),
            currency=each["currency"], note=each["note"], reverses=UUID(each["reverses"]) if each["reverses"] else None,
            standing=not each["reverses"] and each["id"] not in gone,
            created_at=datetime.fromisoformat(each["created_at"]), approved=each["approved"],
            calculation_id=UUID(each["calculation"]) if each["calculation"] else None, payment=each["payment"] or "",
            working=tuple(each["working"] or ()),
            paid_on=date.fromisoformat(each["paid_on"]) if each["paid_on"] else None,
        )
        for each in lines
    )  # fmt: skip


_PARTIES = """
SELECT y.id, y.person_id, y.role, y.authority, y.authority_until, p.kind, p.name, p.email, p.phone, p.postcode,
    p.address, p.version, ARRAY(SELECT mark.kind FROM core_privacy_mark mark WHERE mark.person_id = p.id
        AND mark.ended_at IS NULL AND mark.kind IN ('restrict', 'object') ORDER BY mark.kind DESC) AS privacy,
    n.in_vulnerable_circumstances, n.complains_of_our_response, n.adjustments, n.lawful_basis,
    n.confirmed_at, n.review_on, n.version AS needs_version, coalesce(nullif(w.display_name, ''), w.name) AS confirmer
FROM core_party y JOIN core_person p ON p.id = y.person_id
LEFT JOIN core_support_needs n ON n.case_id = y.case_id AND n.person_id = y.person_id
LEFT JOIN core_user w ON w.id = n.confirmed_by
WHERE y.case_id = {case} AND {rows} AND NOT ({hidden}::boolean AND y.role = ANY({spoken_about}))
ORDER BY y.created_at, y.id
"""


async def _parties(viewer: Viewer, case: Any, mask: frozenset[str]) -> tuple[PartyShown, ...]:
    """People the complaint speaks of stay hidden from a viewer whom an aspect concerns: one of them could be they."""
    arguments = Arguments()
    sql = _PARTIES.format(
        case=arguments.add(case["id"]),
        rows=decide(viewer, "case.read", "person").where("p", arguments),
        hidden=arguments.add(_hidden(viewer, case)),
        spoken_about=arguments.add(list(SPOKEN_ABOUT)),
    )
    return tuple(_party(row, mask, case["time_zone"]) for row in await db.steady.fetch(sql, *arguments.values))


def _party(row: Any, mask: frozenset[str], zone: str) -> PartyShown:
    seen = emptied(dict(row), mask)
    until = row["authority_until"]
    return PartyShown(
        id=row["id"], person_id=row["person_id"], kind=row["kind"], name=seen["name"], email=seen["email"],
        phone=seen["phone"], postcode=seen["postcode"], address=seen["address"], role=row["role"],
        authority=row["authority"], authority_until=until,
        expired=until is not None and until < deadlines.received_on(now(), zone),
        needs=None if "support_needs" in mask or row["confirmed_at"] is None else _needs(row), version=row["version"],
        privacy=tuple(row["privacy"]),
    )  # fmt: skip


def _needs(row: Any) -> NeedsShown:
    return NeedsShown(
        row["in_vulnerable_circumstances"], row["complains_of_our_response"], row["adjustments"], row["lawful_basis"],
        row["confirmer"] or "", row["confirmed_at"], row["review_on"], row["needs_version"],
    )  # fmt: skip


_FINDINGS = """
SELECT f.id, f.message_id, f.aspect_id, f.provider, f.kind, f.value, f.confidence, f.reason, f.state, f.created_at,
    g.labels
FROM core_finding f LEFT JOIN core_taxonomy_term g ON f.kind = 'aspect' AND g.kind = 'category'
    AND g.code = f.value->>'category'
WHERE f.case_id = {case} AND f.state <> 'rejected'
AND (f.aspect_id IS NULL OR EXISTS (SELECT 1 FROM core_aspect a WHERE a.id = f.aspect_id AND {aspects}))
AND (f.message_id IS NULL OR EXISTS (SELECT 1 FROM core_message m WHERE m.id = f.message_id AND {messages}))
AND (f.aspect_id IS NOT NULL OR NOT {mine})
ORDER BY f.created_at, f.id LIMIT 200
"""


async def _findings(viewer: Viewer, case_id: UUID) -> tuple[FindingShown, ...]:
    """A finding is seen with what it is about; one about the whole case not by somebody whom an aspect concerns."""
    arguments = Arguments()
    case = arguments.add(case_id)
    sql = _FINDINGS.format(
        case=case,
        aspects=decide(viewer, "case.read", "aspect").where("a", arguments),
        messages=decide(viewer, "case.read", "message").where("m", arguments),
        mine="FALSE" if viewer.system else about_me("f.case_id", arguments.add(viewer.user_id)),
    )
    return tuple(FindingShown(**dict(row)) for row in await db.steady.fetch(sql, *arguments.values))


def _loose_file(found: list[Any]) -> FileShown:
    """A file that belongs to the case but to no message."""
    identity, name, content_type, size = found
    return FileShown(UUID(identity), name, content_type, size)


def _seen_drafts(found: Mapping[str, dict[str, Any]], letters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Without drafts for an aspect that is hidden from their own writer since."""
    return {
        purpose: draft
        for purpose, draft in found.items()
        if not purpose.startswith("decision:") or purpose.removeprefix("decision:") in letters
    }


_PEOPLE = """
WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = $1
    UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id),
held AS (SELECT r.user_id, array_agg(p) AS rights FROM core_user_role r JOIN up ON up.id = r.unit_id
    JOIN core_role k ON k.key = r.role, unnest(k.permissions) AS p GROUP BY r.user_id)
SELECT w.id, coalesce(nullif(w.display_name, ''), w.name) AS name FROM core_user w JOIN held ON held.user_id = w.id
WHERE w.active AND 'case.write' = ANY(held.rights) AND (NOT $2 OR 'case.confidential' = ANY(held.rights))
AND NOT EXISTS (SELECT 1 FROM core_aspect a WHERE a.case_id = $3 AND a.concerns_user_id = w.id)
ORDER BY lower(coalesce(nullif(w.display_name, ''), w.name)), w.id LIMIT 500
"""


async def _people(case: Any) -> tuple[Named, ...]:
    rows = await db.fetch(_PEOPLE, case["unit_id"], case["confidential"], case["id"])
    return tuple(Named(row["id"], row["name"]) for row in rows)
