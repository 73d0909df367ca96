"""Writes a closed case into Salesforce: an upsert by a key of ours, so that a second try makes nothing new."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ombud_plugin_api import ClosedAspect, ClosedCase, Context, Misconfigured, Permanent, Recorded
from ombud_salesforce import login, soql
from ombud_salesforce.connection import Connection, connected

LONGEST_SUBJECT, LONGEST_TEXT = 255, 32_000


async def record(case: ClosedCase, key: str, context: Context) -> Recorded:
    """Raises Misconfigured where nothing says into what; `writes` tells that beforehand."""
    chosen = context.settings
    place = _place(chosen, key)
    async with connected(login.account_of(chosen)) as there:
        made = await there.patch(place, _body(case, chosen))
        identity = made.get("id") if isinstance(made, dict) else None
        if not isinstance(identity, str) or not identity:
            identity = await _id_of(there, place)
        return Recorded(id=identity, href=f"{there.instance}/{identity}")


def writes(settings: Mapping[str, Any]) -> bool:
    """Pure; whether closures are to be written at all."""
    return bool(settings["write_object"] and settings["write_key_field"])


def _place(chosen: Mapping[str, Any], key: str) -> str:
    target, field = chosen["write_object"] or "", chosen["write_key_field"] or ""
    if not soql.OBJECT.fullmatch(target) or not soql.OBJECT.fullmatch(field):
        raise Misconfigured("Say into which object a closure is written, and which of its fields holds our key.")
    return f"/sobjects/{target}/{field}/{quote(key, safe='')}"


async def _id_of(there: Connection, place: str) -> str:
    """An update answers with nothing; the record is asked for its id."""
    found = await there.get(f"{place}?fields=Id")
    identity = found.get("Id") if isinstance(found, dict) else None
    if not isinstance(identity, str) or not identity:
        raise Permanent("Salesforce wrote the closure, but does not say into which record.")
    return identity


def _body(case: ClosedCase, chosen: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if chosen["write_subject_field"]:
        subject = f"Complaint {case.reference} closed: {case.title}"
        body[chosen["write_subject_field"]] = subject[:LONGEST_SUBJECT]
    if chosen["write_text_field"]:
        body[chosen["write_text_field"]] = summary(case)[:LONGEST_TEXT]
    kind, _, identity = case.person.id.partition(":") if case.person else ("", "", "")
    if chosen["write_contact_field"] and kind == "Contact" and soql.RECORD.fullmatch(identity):
        body[chosen["write_contact_field"]] = identity
    return body


def summary(case: ClosedCase) -> str:
    """The closure in a few lines; words of the complainant stay in the case, to which it leads."""
    lines = [
        f"Complaint {case.reference}, received {case.received_at:%Y-%m-%d}, closed {case.closed_at:%Y-%m-%d}.",
        *(_line(each) for each in case.aspects), case.href,
    ]  # fmt: skip
    return "\n".join(lines)


def _line(aspect: ClosedAspect) -> str:
    outcome = aspect.outcome.replace("_", " ")
    cause = f", cause: {aspect.cause.replace('_', ' ')}" if aspect.cause else ""
    given = [
        f"{amount.normalize():f} {currency}" if amount is not None else kind
        for kind, amount, currency in aspect.redress
    ]
    return f"{aspect.letter}: {aspect.title}: {outcome}{cause}" + (f". Given: {', '.join(given)}" if given else "")
