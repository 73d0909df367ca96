"""Who somebody on the telephone may be, of the people in the viewer's own view: an answer that tells nobody more than
the pages of people and cases would."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ombud.desk import choices
from ombud.desk.trail.history import SPOKEN_ABOUT
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, about_me, decide, mask_in
from ombud_plugin_api import CaseTypeOption, FilingOptions, KnownCase, KnownPerson, UnitView

MOST, MOST_CASES, MOST_ROWS = 20, 20, 400
DIGITS = 9  # of a number, from its end: what is left when country codes and zeros are written in their own ways
FEWEST_DIGITS = 6
_PHONE = r"right(regexp_replace({}, '[^0-9]', '', 'g'), 9)"

_FOUND = """
SELECT p.id, p.name, p.email, p.phone, p.postcode, c.id AS case_id, c.reference, c.title, c.status, c.received_at,
    c.unit_id, u.key AS unit, y.role, y.authority_until, {agrees}
FROM core_party y JOIN core_case c ON c.id = y.case_id JOIN core_unit u ON u.id = c.unit_id
JOIN core_person p ON p.id = y.person_id
WHERE p.id IN (SELECT y.person_id FROM core_party y JOIN core_case c ON c.id = y.case_id
        JOIN core_person p ON p.id = y.person_id WHERE {candidate} AND {seen} AND ({wanted}))
    AND {seen}
ORDER BY (c.status = 'closed'), c.received_at DESC, c.id DESC LIMIT {most}
"""
# A case is in view, its person is no one it speaks about, and nothing in it is about the viewer.
_SEEN = "{cases} AND {people} AND NOT y.role = ANY({spoken_about}) AND NOT {mine} AND p.erased_at IS NULL"


async def find(
    viewer: Viewer, *, phone: str = "", email: str = "", name: str = "", postcode: str = ""
) -> tuple[KnownPerson, ...]:
    """One statement. A number, an address or a postcode is compared only in units where the viewer may see it: else
    the answer would tell it. `agrees` is worked out in the same units."""
    arguments = Arguments()
    parts = _parts(arguments, phone, email, name, postcode)
    wanted = [parts[each] for each in ("phone", "email", "name") if each in parts]
    if not wanted or not viewer.may("person.read"):
        return ()
    told = [f"coalesce({parts.get(each, 'FALSE')}, FALSE) AS by_{each}" for each in _AGREES]
    contact = arguments.add(list(viewer.units("person.contact")))
    masked = {"contact": f"({'TRUE' if viewer.system else 'FALSE'} OR c.unit_id = ANY({contact}::uuid[]))"}
    sql = _FOUND.format(
        agrees=", ".join(told).format(**masked),
        candidate=_candidate(arguments, phone, email, name),
        wanted=" OR ".join(wanted).format(**masked),
        seen=f"{_seen(viewer, arguments)} AND {contact}::uuid[] IS NOT NULL",  # a name alone needs it nowhere else
        most=arguments.add(MOST_ROWS),
    )
    return _people(viewer, await db.fetch(sql, *arguments.values))


_AGREES = ("phone", "email", "name", "postcode")


def _parts(arguments: Arguments, phone: str, email: str, name: str, postcode: str) -> dict[str, str]:
    """What agrees, as SQL; `{contact}` stands for whether the viewer may see it in the row's unit."""
    parts = {}
    if tail := digits(phone):
        parts["phone"] = f"(p.phone <> '' AND {_PHONE.format('p.phone')} = {arguments.add(tail)} AND {{contact}})"
    if email.strip():
        parts["email"] = f"(p.email <> '' AND lower(p.email) = lower({arguments.add(email.strip())}) AND {{contact}})"
    if name.strip():
        parts["name"] = f"lower(p.name) = lower({arguments.add(' '.join(name.split()))})"
    if postcode.strip():
        bare = arguments.add(postcode.replace(" ", "").replace("-", "").lower())
        parts["postcode"] = f"(lower(translate(p.postcode, ' -', '')) = {bare} AND {{contact}})"
    return parts


def digits(phone: str) -> str:
    """The last nine digits of a number; empty for one of fewer than six, which would find strangers."""
    found = "".join(each for each in phone if each.isascii() and each.isdigit())
    return found[-DIGITS:] if len(found) >= FEWEST_DIGITS else ""


def _candidate(arguments: Arguments, phone: str, email: str, name: str) -> str:
    """People by index, before anything of the policy is asked."""
    ways, every = [], "SELECT id FROM core_person WHERE"
    if tail := digits(phone):
        ways.append(f"{every} phone <> '' AND {_PHONE.format('phone')} = {arguments.add(tail)}")
    if email.strip():
        ways.append(f"{every} email <> '' AND lower(email) = lower({arguments.add(email.strip())})")
    if name.strip():
        ways.append(f"{every} name <> '' AND lower(name) = lower({arguments.add(' '.join(name.split()))})")
    return f"p.id IN ({' UNION ALL '.join(ways)})"


def _seen(viewer: Viewer, arguments: Arguments) -> str:
    return _SEEN.format(
        cases=decide(viewer, "case.read", "case").where("c", arguments),
        people=decide(viewer, "person.read", "case").where("c", arguments),
        spoken_about=arguments.add(list(SPOKEN_ABOUT)),
        mine="FALSE" if viewer.system else about_me("c.id", arguments.add(viewer.user_id)),
    )


def _people(viewer: Viewer, rows: Sequence[Any]) -> tuple[KnownPerson, ...]:
    by_person: dict[UUID, list[Any]] = {}
    for row in rows:
        by_person.setdefault(row["id"], []).append(row)
    found = [_person(viewer, own) for own in by_person.values()]
    return tuple(sorted(found, key=lambda each: -len(each.agrees))[:MOST])


def _person(viewer: Viewer, rows: Sequence[Any]) -> KnownPerson:
    first, mask = rows[0], mask_in(viewer, *{row["unit_id"] for row in rows})
    shown = {name: "" if name in mask and not viewer.system else first[name]
             for name in ("name", "email", "phone", "postcode")}  # fmt: skip
    agrees = tuple(each for each in _AGREES if any(row[f"by_{each}"] for row in rows))
    return KnownPerson(
        id=first["id"], agrees=agrees, cases=tuple(_case(viewer, row) for row in rows[:MOST_CASES]), **shown
    )


def _case(viewer: Viewer, row: Any) -> KnownCase:
    return KnownCase(
        id=row["case_id"], reference=row["reference"], title=row["title"], status=row["status"], unit=row["unit"],
        role=row["role"], received_at=row["received_at"], may_write=viewer.may_in("case.write", row["unit_id"]),
        authority_until=row["authority_until"],
    )  # fmt: skip


async def filing_options(viewer: Viewer) -> FilingOptions:
    """Units in use in which the viewer may file, and the case types."""
    units = await choices.units_for(viewer, "case.file", in_use=True)
    rows = await db.fetch(
        "SELECT key, country, language FROM core_unit WHERE key = ANY($1)", [each.key for each in units]
    )
    about = {row["key"]: row for row in rows}
    return FilingOptions(
        units=tuple(
            UnitView(
                key=each.key, name=each.name, time_zone=each.time_zone, country=about[each.key]["country"],
                language=about[each.key]["language"],
            )
            for each in units
        ),
        case_types=tuple(CaseTypeOption(key=each.key, label=each.label) for each in await choices.case_types()),
    )  # fmt: skip
