"""What the customer asks for: an amount on an aspect, set by a person, read by rules and escalation."""

from decimal import Decimal
from uuid import UUID

from ombud.desk.cases import refuse_closed
from ombud.desk.redress.money import checked_amount, checked_currency
from ombud.desk.writing import check_version, lock_aspect, record, update
from ombud.kernel.database import db
from ombud.trust.policy import Viewer


async def say(viewer: Viewer, aspect_id: UUID, amount: Decimal | None, currency: str, version: int | None) -> None:
    """Sets it, or takes it away with None. The entry `redress.claimed` holds it as codes for the engine's fold:
    `amount_in_dispute` (decimal text, empty where none) and `currency`."""
    if amount is None:
        currency = ""
    else:
        currency = checked_currency(currency, "disputed_currency")
        amount = checked_amount(amount, currency, "amount_in_dispute")
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        wanted = {"amount_in_dispute": amount, "disputed_currency": currency}
        check_version("This aspect", aspect, version, wanted)
        if all(aspect[name] == value for name, value in wanted.items()):
            return
        await update("core_aspect", aspect_id, wanted)
        body = {
            "aspect": str(aspect_id), "amount_in_dispute": "" if amount is None else f"{amount:f}", "currency": currency
        }  # fmt: skip
        await record(viewer, case["id"], "redress.claimed", body)
