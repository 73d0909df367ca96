"""Finds a person in the file that counts, and tells what its columns say of them."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud_crm_csv import columns as meaning
from ombud_crm_csv import compare, files
from ombud_crm_csv.files import CustomerFile
from ombud_crm_csv.tables import CrmCsvCustomer
from ombud_plugin_api import Context, Datum, PersonHints, PersonMatch

MOST = 200  # rows looked at
STRENGTH = {"reference": 8, "email": 4, "phone": 3, "postcode": 2, "name": 1}
SHORTEST_REFERENCE = 3

_FIND = """
SELECT id, line, reference, name, email, phone, postcode, name_key, cells FROM crm_csv_customer
WHERE file = {} AND ((email <> '' AND email = {}) OR (phone <> '' AND phone = {})
    OR (reference <> '' AND reference = ANY({})) OR (postcode <> '' AND postcode = {} AND name_key = {}))
ORDER BY line LIMIT {}
"""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it is kept."""

    id: UUID
    line: int
    reference: str
    name: str
    email: str
    phone: str
    postcode: str
    name_key: str
    cells: dict[str, str]

    @property
    def key(self) -> str:
        """The same for the same customer in the next file, and for all rows of one customer."""
        if self.reference:
            return f"reference:{self.reference}"[:200]
        if self.email:
            return f"email:{self.email}"[:200]
        return (f"phone:{self.phone}" if self.phone else f"place:{self.postcode}:{self.name_key}")[:200]


def _customer(row: Mapping[str, Any]) -> Customer:
    cells = row["cells"]
    return msgspec.convert({**row, "cells": msgspec.json.decode(cells) if isinstance(cells, str) else cells}, Customer)


async def find(hints: PersonHints, context: Context) -> Sequence[PersonMatch] | None:
    """None where no file counts in the unit. Notes for whom a row was found, so that it is erased with them."""
    file = await files.live(hints.units)
    if file is None:
        return None
    wanted = _wanted(hints, context.settings)
    rows = await CrmCsvCustomer.raw(
        _FIND,
        file.id,
        wanted["email"],
        wanted["phone"],
        wanted["references"],
        wanted["postcode"],
        wanted["name_key"],
        MOST,
    )
    found: dict[str, list[Customer]] = {}
    for each in map(_customer, rows):
        found.setdefault(each.key, []).append(each)
    matches = [_match(file, own, wanted) for own in found.values()]
    matches.sort(key=lambda each: -sum(STRENGTH[one] for one in each.evidence))
    if len(matches) == 1:
        await _note(file, next(iter(found.values())), hints.person)
    return matches[:20]


def _wanted(hints: PersonHints, chosen: Mapping[str, Any]) -> dict[str, Any]:
    references = [compare.reference(hints.references.get(name, "")) for name in chosen["reference_fields"]]
    return {
        "email": compare.email(hints.email), "phone": compare.phone(hints.phone, chosen["country"]),
        "references": [each for each in references if len(each) >= SHORTEST_REFERENCE],
        "postcode": compare.postcode(hints.postcode), "name_key": compare.name(hints.name),
    }  # fmt: skip


def _match(file: CustomerFile, rows: Sequence[Customer], wanted: Mapping[str, Any]) -> PersonMatch:
    first = rows[0]
    return PersonMatch(
        id=first.key, name=first.name or _by(file, first, meaning.EMAIL) or "Without a name",
        source=_source(file, first),
        fetched_at=file.as_of, evidence=tuple(_evidence(rows, wanted)), email=_by(file, first, meaning.EMAIL),
        phone=_by(file, first, meaning.PHONE), postcode=_by(file, first, meaning.POSTCODE),
        reference=_by(file, first, meaning.REFERENCE), note=_by(file, first, meaning.ADDRESS),
    )  # fmt: skip


def _evidence(rows: Sequence[Customer], wanted: Mapping[str, Any]) -> list[str]:
    agrees = {
        "reference": any(each.reference and each.reference in wanted["references"] for each in rows),
        "email": any(each.email and each.email == wanted["email"] for each in rows),
        "phone": any(each.phone and each.phone == wanted["phone"] for each in rows),
        "name": any(each.name_key and each.name_key == wanted["name_key"] for each in rows),
        "postcode": any(each.postcode and each.postcode == wanted["postcode"] for each in rows),
    }
    return [name for name, so in agrees.items() if so]


def _by(file: CustomerFile, row: Customer, means: str) -> str:
    return ", ".join(row.cells[each] for each in file.columns if file.columns[each] == means and each in row.cells)


def _source(file: CustomerFile, row: Customer) -> str:
    return f"{file.name}, line {row.line}"


async def _note(file: CustomerFile, rows: Sequence[Customer], person: UUID) -> None:
    """Whose rows these are, as core knows them."""
    await CrmCsvCustomer.raw(
        "UPDATE crm_csv_customer SET person = {} WHERE id = ANY({}) AND person IS DISTINCT FROM {} "
        "AND file = {}",
        person, [each.id for each in rows], person, file.id,
    )  # fmt: skip


_ROWS = (
    "SELECT id, line, reference, name, email, phone, postcode, name_key, cells FROM crm_csv_customer WHERE file = {} "
)
_OF_KEY = {
    "reference": "AND reference = {} AND '' = {}",
    "email": "AND reference = '' AND email = {} AND '' = {}",
    "phone": "AND reference = '' AND email = '' AND phone = {} AND '' = {}",
    "place": "AND reference = '' AND email = '' AND phone = '' AND postcode = {} AND name_key = {}",
}


async def history(match: PersonMatch, context: Context) -> Sequence[Datum]:
    """What the columns say of all rows of this customer; empty once the file that counts holds them no more."""
    kind, _, value = match.id.partition(":")
    file = await files.live(context.units)
    if file is None or kind not in _OF_KEY:
        return []
    first, _, second = value.partition(":") if kind == "place" else (value, "", "")
    rows = await CrmCsvCustomer.raw(f"{_ROWS}{_OF_KEY[kind]} ORDER BY line LIMIT {{}}", file.id, first, second, MOST)
    told: dict[tuple[str, str, str], Datum] = {}
    for each in map(_customer, rows):
        for datum in _said(file, each):
            told.setdefault((datum.kind, datum.label, datum.value), datum)
    return sorted(told.values(), key=lambda each: -(each.at.timestamp() if each.at else 0))


_SHOWS = {meaning.EMAIL: "email", meaning.PHONE: "phone", meaning.POSTCODE: "postcode", meaning.ADDRESS: "address"}


def _said(file: CustomerFile, row: Customer) -> list[Datum]:
    """Several cells of one account are one line; everything else is a line for each cell."""
    told, accounts = [], []
    for column, means in file.columns.items():
        cell = row.cells.get(column, "")
        if not cell or means in {meaning.NAME, meaning.FIRST, meaning.LAST, meaning.REFERENCE}:
            continue
        if means == meaning.ACCOUNT:
            accounts.append((column, cell))
        elif means in _SHOWS:
            told.append(_datum(file, row, "contact", column, cell, _SHOWS[means]))
        else:
            told.append(_datum(file, row, means, column, cell))
    if len(accounts) > 1:
        rest = ", ".join(f"{column}: {cell}" for column, cell in accounts[1:])
        told.append(_datum(file, row, meaning.ACCOUNT, accounts[0][1], rest))
    elif accounts:
        told.append(_datum(file, row, meaning.ACCOUNT, *accounts[0]))
    return told


def _datum(file: CustomerFile, row: Customer, kind: str, label: str, value: str, shows: str = "") -> Datum:
    at = _moment(value) if kind in {meaning.TALK, meaning.CASE} else None
    return Datum(
        kind=kind, label=label, value="" if at else value, at=at, source=_source(file, row), fetched_at=file.as_of,
        shows=shows,
    )  # fmt: skip


def _moment(text: str) -> datetime | None:
    """A day that can be read in one way alone: 2026-11-20 or 20.11.2026."""
    tidy = re.sub(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", lambda found: "-".join(
        (found[3], found[2].zfill(2), found[1].zfill(2))), text.strip())  # fmt: skip
    try:
        day = date.fromisoformat(tidy[:10])
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC) if len(tidy) == 10 else None
