"""A customer file for the demonstration firm: made for its people, by chance that is the same each time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import msgspec

from ombud_crm_csv import columns as meaning
from ombud_crm_csv import compare, files, taking
from ombud_crm_csv.files import CustomerFile
from ombud_crm_csv.tables import CrmCsvCustomer
from ombud_plugin_api import Context, DemoData, DemoPerson

NAME = "modra-customers.csv"
COLUMNS = {
    "Customer number": meaning.REFERENCE, "Name": meaning.NAME, "E-mail": meaning.EMAIL, "Phone": meaning.PHONE,
    "Postcode": meaning.POSTCODE, "Town": meaning.ADDRESS, "Product": meaning.ACCOUNT, "Number": meaning.ACCOUNT,
    "Balance": meaning.ACCOUNT, "Last contact": meaning.TALK, "What about": meaning.TALK, "Open case": meaning.CASE,
    "Customer since": meaning.FACT, "Segment": meaning.FACT,
}  # fmt: skip
TOWNS = ("Gdańsk", "Kraków", "Leeds", "Lyon", "Bremen", "Łódź", "Turku", "Porto")
PRODUCTS = ("Current account", "Savings account", "Debit card", "Credit card", "Home loan", "Car loan")
TALKS = ("Called about a fee", "Asked for a statement", "Changed the address", "Visited a branch", "Letter about terms")
OPEN = ("", "", "", "Card is on its way", "Limit is being checked", "Statement was asked for")


async def load(people: Sequence[DemoPerson], context: Context) -> None:
    """Most people of the firm are customers; some are there twice, so that somebody has to choose. A file of the desk's
    own is left alone."""
    if await files.live([]) is not None:
        return
    made = datetime.now(UTC) - timedelta(hours=20)
    file_id = await files.add(name=NAME, columns=COLUMNS, state="taking", as_of=made, demo=True)
    rows = [row for number, each in enumerate(people) for row in _rows(each, number, made)]
    customers = [
        CrmCsvCustomer(
            id=uuid4(), file=file_id, line=line, cells=msgspec.json.encode(cells).decode(), name=cells["Name"],
            **_searched(cells),
        )
        for line, cells in enumerate(rows, 2)
    ]  # fmt: skip
    for start in range(0, len(customers), taking.BATCH):
        await CrmCsvCustomer.insert(*customers[start : start + taking.BATCH])
    file = await files.get(file_id)
    assert file is not None
    await taking.put_in_place(file, context.platform, rows_taken=len(customers))


def _searched(cells: dict[str, str]) -> dict[str, Any]:
    return {
        "reference": compare.reference(cells["Customer number"]), "email": compare.email(cells["E-mail"]),
        "phone": compare.phone(cells["Phone"], ""), "postcode": compare.postcode(cells["Postcode"]),
        "name_key": compare.name(cells["Name"]),
    }  # fmt: skip


def _rows(person: DemoPerson, number: int, made: datetime) -> list[dict[str, str]]:
    rng = Random(f"{person.name}{number}")  # noqa: S311 - a story, no secret
    if rng.random() < 0.12 or not (person.email or person.phone):
        return []
    rows = [_row(person, rng, 100_000 + number * 7, made) for _ in range(rng.choice((1, 1, 2, 3)))]
    first = rows[0]
    for each in rows[1:]:
        each.update({name: first[name] for name in ("Customer number", "Town", "Customer since", "Segment")})
        each.update({"Last contact": "", "What about": "", "Open case": ""})
    if number % 17 == 5:
        rows.append({**_row(person, rng, 500_000 + number * 7, made), "Open case": ""})
    return rows


def _row(person: DemoPerson, rng: Random, number: int, made: datetime) -> dict[str, str]:
    day = (made - timedelta(days=rng.randrange(1, 300))).date().isoformat()
    return {
        "Customer number": f"{number:06d}", "Name": person.name, "E-mail": person.email, "Phone": person.phone,
        "Postcode": person.postcode, "Town": rng.choice(TOWNS), "Product": rng.choice(PRODUCTS),
        "Number": f"…{rng.randrange(1000, 9999)}",
        "Balance": f"{rng.randrange(-400, 9000)}.{rng.randrange(100):02d} EUR",
        "Last contact": day, "What about": rng.choice(TALKS), "Open case": rng.choice(OPEN),
        "Customer since": str(rng.randrange(1994, 2025)), "Segment": rng.choice(("Private", "Private", "Premium")),
    }  # fmt: skip


async def remove(context: Context) -> None:
    for file in await files.newest_first():
        if file.demo:
            await _gone(file, context)


async def _gone(file: CustomerFile, context: Context) -> None:
    await files.remove(file, context.platform)


def demo_data() -> list[DemoData]:
    return [DemoData(load, remove)]
