"""A batch of payments as a file: CSV and JSON with the columns of docs/redress.md, or ISO 20022 pain.001. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec
from sepaxml import SepaTransfer

from ombud import speech
from ombud.desk.errors import NotNow
from ombud.desk.redress.money import text_of
from ombud.desk.redress.payments.accounts import Payee, is_iban
from ombud.speech import joined, sentence

COLUMNS = ("key", "payee_name", "account", "bic", "amount", "currency", "reference", "batch")
FORMATS = {"csv": "CSV", "json": "JSON", "pain001": "ISO 20022 pain.001.001.09 (SEPA)"}
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json", "pain001": "application/xml"}
SUFFIX = {"csv": "csv", "json": "json", "pain001": "xml"}


@dataclass(frozen=True)
class Order:
    """One payment of the file. `reference`: of the case, which the payee reads on the statement."""

    key: str
    payee: Payee
    amount: Decimal
    currency: str
    reference: str


def written(form: str, batch: str, orders: Sequence[Order], payer: tuple[str, str, str], on: date) -> bytes:
    """The bytes of the file; raises NotNow where a format cannot hold these payments."""
    if form == "pain001":
        return _pain001(batch, orders, payer, on)
    rows = [_row(each, batch) for each in orders]
    if form == "json":
        total = text_of(sum((each.amount for each in orders), Decimal(0)), orders[0].currency)
        return msgspec.json.format(
            speech.encoded({"batch": batch, "count": len(rows), "total": total, "payments": rows})
        )
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS)
    table.writeheader()
    table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _row(order: Order, batch: str) -> dict[str, str]:
    return {
        "key": order.key, "payee_name": order.payee.name, "account": order.payee.account, "bic": order.payee.bic,
        "amount": text_of(order.amount, order.currency), "currency": order.currency, "reference": order.reference,
        "batch": batch,
    }  # fmt: skip


def _cell(text: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _pain001(batch: str, orders: Sequence[Order], payer: tuple[str, str, str], on: date) -> bytes:
    name, iban, bic = payer
    if not name or not is_iban(iban):
        raise NotNow(
            "pain.001 needs the name and the IBAN of your own account. Set them under Payments in the settings."
        )
    if others := [each.reference for each in orders if each.currency != "EUR" or not each.payee.is_iban]:
        raise NotNow(
            sentence(
                "pain.001 for SEPA holds payments in EUR to an IBAN alone; these are others: %(references)s. Take the "
                "CSV file.",
                references=joined(others[:5]),
            )
        )
    config = {"name": name, "IBAN": iban, "batch": True, "currency": "EUR", **({"BIC": bic} if bic else {})}
    sepa = SepaTransfer(config, schema="pain.001.001.09", clean=True)
    sepa.msg_id = batch.replace("-", "")
    for each in orders:
        sepa.add_payment({
            "name": each.payee.name, "IBAN": each.payee.account, "amount": int(each.amount * 100),
            "execution_date": on, "description": each.reference, "endtoend_id": each.key,
            **({"BIC": each.payee.bic} if each.payee.bic else {}),
        })  # fmt: skip
    return bytes(sepa.export(validate=True, pretty_print=True))
