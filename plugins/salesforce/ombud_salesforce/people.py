"""Who somebody is in Salesforce, and what it knows of them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ombud_plugin_api import Context, Datum, Misconfigured, PersonHints, PersonMatch
from ombud_salesforce import login, numbers, soql
from ombud_salesforce.connection import Connection, connected

MOST = 20
CONTACT = (
    "Id, Name, Email, Phone, MobilePhone, MailingStreet, MailingCity, MailingPostalCode, AccountId, Account.Name, "
    "Account.Type, Account.AccountNumber"
)
ACCOUNT = "Id, Name, Type, AccountNumber, Phone, BillingCity, BillingPostalCode"


async def find(hints: PersonHints, context: Context) -> Sequence[PersonMatch] | None:
    """By customer number, e-mail, phone, or name and postcode; what agrees is looked at here, not believed."""
    if not login.is_set_up(context.settings):
        return None
    chosen = context.settings
    wanted = [text for name in chosen["case_fields"] or () if (text := hints.references.get(name, "").strip())]
    async with connected(login.account_of(chosen)) as there:
        records = await _records(there, hints, wanted, chosen)
        moment = datetime.now(UTC)
        matches = [_match(there, kind, record, hints, wanted, chosen, moment) for kind, record in records]
    found = [each for each in matches if each.evidence]
    return sorted(found, key=lambda each: -len(each.evidence))[:MOST]


async def _records(
    there: Connection, hints: PersonHints, wanted: list[str], chosen: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    reference = chosen["reference_field"] or ""
    contact = _contact_question(hints, wanted, reference, chosen["country"] or "")
    account = (
        _account_question(hints, wanted, reference, chosen["country"] or "") if hints.kind == "organisation" else ""
    )
    found = [("Contact", each) for each in (await there.query(contact, MOST) if contact else [])]
    return found + [("Account", each) for each in (await there.query(account, MOST) if account else [])]


def _contact_question(hints: PersonHints, wanted: list[str], reference: str, country: str) -> str:
    phones = numbers.variants(hints.phone, country)
    postcode = hints.postcode.strip()
    conditions = soql.either(
        f"Email = {soql.text(hints.email.strip())}" if "@" in hints.email else "", soql.any_of("Phone", phones),
        soql.any_of("MobilePhone", phones), soql.any_of(reference, wanted) if reference else "",
        f"Name = {soql.text(hints.name.strip())} AND MailingPostalCode = {soql.text(postcode)}"
        if hints.name.strip() and postcode else "",
    )  # fmt: skip
    more = f", {soql.named(reference)}" if reference and reference not in CONTACT.split(", ") else ""
    return f"SELECT {CONTACT}{more} FROM Contact WHERE {conditions} LIMIT {MOST}" if conditions else ""


def _account_question(hints: PersonHints, wanted: list[str], reference: str, country: str) -> str:
    own = reference.removeprefix("Account.") if reference.startswith("Account.") else ""
    postcode = hints.postcode.strip()
    conditions = soql.either(
        soql.any_of("Phone", numbers.variants(hints.phone, country)), soql.any_of(own, wanted) if own else "",
        f"Name = {soql.text(hints.name.strip())} AND BillingPostalCode = {soql.text(postcode)}"
        if hints.name.strip() and postcode else "",
    )  # fmt: skip
    more = f", {soql.named(own)}" if own and own not in ACCOUNT.split(", ") else ""
    return f"SELECT {ACCOUNT}{more} FROM Account WHERE {conditions} LIMIT {MOST}" if conditions else ""


def _match(
    there: Connection, kind: str, record: dict[str, Any], hints: PersonHints, wanted: list[str],
    chosen: Mapping[str, Any], moment: datetime,
) -> PersonMatch:  # fmt: skip
    reference = _reference(kind, record, chosen["reference_field"] or "")
    phones = [text for name in ("Phone", "MobilePhone") if (text := _text(record, name))]
    postcode = _text(record, "MailingPostalCode") or _text(record, "BillingPostalCode")
    country = chosen["country"] or ""
    agrees = {
        "reference": bool(reference) and numbers.plain(reference) in {numbers.plain(each) for each in wanted},
        "email": bool(hints.email) and _text(record, "Email").casefold() == hints.email.strip().casefold(),
        "phone": any(numbers.same(each, hints.phone, country) for each in phones),
        "name": bool(hints.name) and numbers.plain(_text(record, "Name")) == numbers.plain(hints.name),
        "postcode": bool(postcode) and numbers.plain(postcode) == numbers.plain(hints.postcode),
    }
    evidence = tuple(name for name, so in agrees.items() if so)
    alone = set(evidence) <= {"name"} or set(evidence) <= {"postcode"}
    place = _text(record, "MailingCity") or _text(record, "BillingCity")
    return PersonMatch(
        id=f"{kind}:{_text(record, 'Id')}", name=_text(record, "Name") or "Without a name", source=kind,
        fetched_at=moment, evidence=() if alone or not soql.RECORD.fullmatch(_text(record, "Id")) else evidence,
        email=_text(record, "Email"), phone=phones[0] if phones else "", postcode=postcode, reference=reference,
        note=", ".join(each for each in (_of_account(record), place) if each),
        href=f"{there.instance}/{_text(record, 'Id')}",
    )  # fmt: skip


def _reference(kind: str, record: Mapping[str, Any], field: str) -> str:
    """The customer number, by the name of its field; one of the account stands in the contact's account."""
    owner, _, name = field.rpartition(".")
    if not owner or kind == "Account":
        return _text(record, name or field)
    inner = record.get(owner)
    return _text(inner, name) if isinstance(inner, dict) else ""


def _of_account(record: Mapping[str, Any]) -> str:
    account = record.get("Account")
    return _text(account, "Name") if isinstance(account, dict) else ""


def _text(record: Mapping[str, Any] | None, name: str) -> str:
    value = record.get(name) if record else None
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


async def history(match: PersonMatch, context: Context) -> Sequence[Datum]:
    """Accounts, ways to reach them, open cases, last contacts."""
    kind, _, identity = match.id.partition(":")
    try:
        own = soql.record(identity)
    except ValueError:
        return []
    async with connected(login.account_of(context.settings)) as there:
        questions = _of_contact(own) if kind == "Contact" else _of_account_questions(own)
        answers = await asyncio.gather(*(there.query(each, 50) for each in questions.values()))
        told = _Told(there, datetime.now(UTC))
        for name, records in zip(questions, answers, strict=True):
            for record in records:
                getattr(told, name)(record)
    return told.data


def _of_contact(own: str) -> dict[str, str]:
    return {
        "contact": f"SELECT {CONTACT} FROM Contact WHERE Id = {own} LIMIT 1",
        "case": "SELECT Id, CaseNumber, Subject, Status, CreatedDate FROM Case "
        f"WHERE ContactId = {own} AND IsClosed = false ORDER BY CreatedDate DESC LIMIT 50",
        "talk": "SELECT Id, Subject, TaskSubtype, Status, ActivityDate, CreatedDate FROM Task "
        f"WHERE WhoId = {own} ORDER BY CreatedDate DESC LIMIT 20",
    }


def _of_account_questions(own: str) -> dict[str, str]:
    return {
        "account": f"SELECT {ACCOUNT} FROM Account WHERE Id = {own} LIMIT 1",
        "member": f"SELECT Id, Name, Title, Email FROM Contact WHERE AccountId = {own} ORDER BY Name LIMIT 20",
        "case": "SELECT Id, CaseNumber, Subject, Status, CreatedDate FROM Case "
        f"WHERE AccountId = {own} AND IsClosed = false ORDER BY CreatedDate DESC LIMIT 50",
        "talk": "SELECT Id, Subject, TaskSubtype, Status, ActivityDate, CreatedDate FROM Task "
        f"WHERE WhatId = {own} ORDER BY CreatedDate DESC LIMIT 20",
    }


class _Told:
    """Collects what records say; one method for each kind of record."""

    def __init__(self, there: Connection, moment: datetime) -> None:
        self._there, self._moment = there, moment
        self.data: list[Datum] = []

    def _add(self, kind: str, source: str, label: str, value: str, record: Mapping[str, Any], **more: Any) -> None:
        identity = _text(record, "Id")
        href = f"{self._there.instance}/{identity}" if soql.RECORD.fullmatch(identity) else ""
        self.data.append(
            Datum(kind=kind, label=label, value=value, source=source, fetched_at=self._moment, href=href, **more)
        )

    def contact(self, record: Mapping[str, Any]) -> None:
        account = record.get("Account")
        if isinstance(account, dict) and _text(account, "Name"):
            about = [each for each in (_text(account, "Type"), _text(account, "AccountNumber")) if each]
            known = {"Id": record.get("AccountId")}
            self._add("account", "Account", _text(account, "Name"), ", ".join(about) or "Account", known)
        for name, label, shows in (("Email", "E-mail", "email"), ("Phone", "Phone", "phone"),
                                   ("MobilePhone", "Mobile", "phone")):  # fmt: skip
            if value := _text(record, name):
                self._add("contact", "Contact", label, value, {}, shows=shows)
        places = [
            text for name in ("MailingStreet", "MailingPostalCode", "MailingCity") if (text := _text(record, name))
        ]
        if places:
            self._add("contact", "Contact", "Address", ", ".join(places), {}, shows="address")

    def account(self, record: Mapping[str, Any]) -> None:
        about = [each for each in (_text(record, "Type"), _text(record, "AccountNumber")) if each]
        self._add("account", "Account", _text(record, "Name") or "Account", ", ".join(about) or "Account", record)
        if phone := _text(record, "Phone"):
            self._add("contact", "Account", "Phone", phone, {}, shows="phone")

    def member(self, record: Mapping[str, Any]) -> None:
        self._add(
            "contact", "Contact", _text(record, "Name"), _text(record, "Title") or "Contact", record, shows="name"
        )

    def case(self, record: Mapping[str, Any]) -> None:
        label = _text(record, "Subject") or f"Case {_text(record, 'CaseNumber')}"
        source = f"Case {_text(record, 'CaseNumber')}".strip()
        self._add("case", source, label, _text(record, "Status"), record, at=_moment(record, "CreatedDate"))

    def talk(self, record: Mapping[str, Any]) -> None:
        label = _text(record, "Subject") or _text(record, "TaskSubtype") or "Activity"
        at = _moment(record, "ActivityDate") or _moment(record, "CreatedDate")
        self._add("talk", "Activity", label, _text(record, "Status"), record, at=at)


def _moment(record: Mapping[str, Any], name: str) -> datetime | None:
    """`2026-11-07T00:37:00.000+0000` or `2026-11-07`."""
    said = _text(record, name)
    try:
        if len(said) == 10:
            day = date.fromisoformat(said)
            return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        found = datetime.fromisoformat(said.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def check_names(chosen: Mapping[str, Any]) -> None:
    """Raises Misconfigured where a setting names no field."""
    if chosen["reference_field"] and not soql.FIELD.fullmatch(chosen["reference_field"]):
        raise Misconfigured("The field of the customer number is written like AccountNumber or Account.AccountNumber.")
