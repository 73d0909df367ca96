"""What lies in the inbox of the demonstration firm: written for it, by nobody."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk import intake
from ombud.desk.demo.firm import Firm
from ombud.desk.inbox import deciding, taking
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud_plugin_api.correspondence import InboundMessage
from ombud_plugin_api.facts import RawReceipt

_CARE = "care@modra.example.org"
_CARDS = "cards@modra.example.org"
_SIGNED = ({"key": "dkim", "label": "DKIM: signed by the sender's domain", "tone": "good"},)
_FAILED = ({"key": "dmarc", "label": "DMARC: not from the domain that it names", "tone": "bad"},)


@dataclass(frozen=True)
class _Mail:
    """One message. `hours`: ago; `mood`: how heated it reads; `aside`: why it was found to be no complaint."""

    hours: float
    name: str
    address: str
    subject: str
    text: str
    channel: str = "email"
    mood: str = ""
    aside: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


_MAILS = (
    _Mail(
        1.2, "Renata Olszak", "renata.olszak@example.org", "You closed my account while I was in hospital",
        "Hello,\n\nI was in hospital for two weeks. When I came home my account was closed and my pension had been "
        "sent back. I called twice. The second time the man on the phone laughed and told me to read my letters.\n\n"
        "I need the pension this week. Please tell me what to do.\n\nRenata Olszak", mood="angry",
        more={"account": _CARE, "unit": "modra-direct", "marks": _SIGNED, "thread": {"id": "ro-1@example.org"},
              "quoted": "-- \nSent from my telephone"},
    ),
    _Mail(
        2.5, "Sami Lind", "sami@lind.example.org", "Payee of another customer",
        "In my list of payees there is somebody I do not know, with the full account number. Whose is it, and who sees "
        "mine?", mood="upset", more={"account": _CARE, "unit": "modra-direct", "marks": _SIGNED},
    ),
    _Mail(
        3.1, "Jan Bielak", "jan.bielak@example.org", "Cash machine counted wrong",
        "I paid in 1,200 zł at the machine in Długa street and it booked 1,000. I have the slip.", mood="tense",
        more={"account": _CARDS, "unit": "modra-cards", "html": "<p>I paid in <b>1,200 zł</b> at the machine in Długa "
              "street and it booked 1,000.</p><p>I have the slip.</p>", "documents": [
                  {"name": "slip.txt", "content_type": "text/plain", "data": "TW9kcmEgQmFuaywgMSwyMDAgUExO"}]},
    ),
    _Mail(
        5.4, "Kancelaria Lis", "biuro@kancelaria-lis.example.org", "Pełnomocnictwo",
        "W załączeniu przesyłam pełnomocnictwo do działania w imieniu klientki w sprawie zamknięcia rachunku.",
        mood="calm", more={"account": _CARE, "unit": "modra-direct", "language": "pl"},
    ),
    _Mail(
        7.9, "", "", "Scan of this morning, page 3", "To whom it may concern. The statement you sent me is my "
        "neighbour's. I return it with this letter and ask you to find mine.", channel="letter", mood="tense",
        more={"unit": "modra-home", "marks": ({"key": "ocr", "label": "Read by a machine", "tone": "neutral"},)},
    ),
    _Mail(
        20.5, "Mira Tal", "mira.tal@example.net", "Student loan, again", "You wrote on the third that the rate stays. "
        "On the ninth you took 40 more. This is the second time I write.", mood="upset",
        more={"account": "loans@modra.example.org", "unit": "modra-loans"},
    ),
    _Mail(
        30.0, "Ove Strand", "ove@strand.example.net", "Invoice", "Please pay the attached invoice at once.",
        more={"account": _CARE, "unit": "modra", "marks": _FAILED},
    ),
    _Mail(
        9.0, "Money Weekly", "news@moneyweekly.example.net", "Seven funds to watch", "This week: seven funds to watch.",
        more={"account": _CARE, "unit": "modra", "automatic": {"kind": "list", "reason": "List-Id: weekly"}},
    ),
    _Mail(
        10.0, "Tilda Berg", "tilda.berg@example.org", "Automatic reply: Your complaint",
        "I am away until Monday and read no mail.", more={
            "account": _CARE, "unit": "modra-direct",
            "automatic": {"kind": "auto_reply", "reason": "Auto-Submitted: auto-replied"}},
    ),
    _Mail(
        26.0, "Ada Kos", "ada.kos@example.org", "Opening hours", "Are you open on the Saturday before the holidays?",
        aside="question", more={"account": _CARE, "unit": "modra-direct"},
    ),
    _Mail(
        28.0, "Bruno Halm", "bruno@halm.example.org", "Thank you", "Your colleague found the payment in ten minutes. "
        "Please tell her that I am grateful.", aside="praise", more={"account": _CARDS, "unit": "modra-cards"},
    ),
    _Mail(
        51.0, "Fast Credit", "offers@fastcredit.example.net", "Credit in five minutes", "Only today.",
        aside="advertising", more={"account": _CARE, "unit": "modra"},
    ),
)  # fmt: skip


async def come_in(firm: Firm, present: datetime) -> None:
    """Takes them in as any channel's, and plays three that speak of cases of the firm."""
    for number, mail in enumerate([*_MAILS, *await _about_cases()]):
        message_id = await _take(firm, mail, f"demo-mail-{number}", present)
        firm.made.append(("message", message_id))
        if mail.aside:
            with clock.at(present - timedelta(hours=mail.hours / 2)):
                await deciding.set_aside(firm.staff["ewa"], [message_id], mail.aside)
    await _take(firm, _MAILS[0], "demo-mail-again", present, account=_CARDS)  # the same went to a second mailbox


async def _take(firm: Firm, mail: _Mail, key: str, present: datetime, **other: Any) -> UUID:
    at = present - timedelta(hours=mail.hours)
    sender = {"name": mail.name, "email": mail.address} if "@" in mail.address else {
        "name": mail.name, "phone": mail.address}  # fmt: skip
    plain = {
        "channel": mail.channel,
        "sender": sender,
        "subject": mail.subject,
        "text": mail.text,
        **mail.more,
        **other,
    }
    said = msgspec.convert({**plain, "received_at": at}, InboundMessage)
    body = json.dumps(plain, ensure_ascii=False, default=str).encode()
    with clock.at(at):
        raw = RawReceipt(channel=mail.channel, key=key, content_type="application/json", body=body)
        receipt = await intake.receive(raw)
        firm.made.append(("receipt", receipt.id))
        message_id = await taking.take(receipt, said)
        assert message_id is not None
        await db.execute("UPDATE core_message SET mood = $2 WHERE id = $1", message_id, mail.mood)
    return message_id


async def _about_cases() -> list[_Mail]:
    """A customer who answers after the end, a stranger who names a case, and a customer who answers in time."""
    found = []
    for status, subject, text, name, address in (
        ("closed", "Re: Your complaint", "I thought this was over. Yesterday the same fee was taken again. {}", "", ""),
        ("in_progress", "Case {}", "My neighbour gave me this number, {}. I have the same trouble with you.",
         "Otto Reim", "otto.reim@example.net"),
        ("in_progress", "More about {}", "I found the contract meanwhile, it is about {}. Page 4 says what I said.",
         "", ""),
    ):  # fmt: skip
        row = await db.fetchrow(
            "SELECT c.reference, u.key, p.name, p.email FROM core_case c JOIN core_unit u ON u.id = c.unit_id "
            "JOIN core_party y ON y.case_id = c.id AND y.role = 'complainant' JOIN core_person p ON p.id = y.person_id "
            "WHERE c.status = $1 AND NOT c.confidential AND p.email <> '' AND u.key LIKE 'modra%' "
            "ORDER BY c.received_at DESC, c.id LIMIT 1",
            status,
        )
        if row is not None:
            found.append(_Mail(
                4.0, name or row["name"], address or row["email"], subject.format(row["reference"]),
                text.format(row["reference"]), mood="upset", more={"account": _CARE, "unit": row["key"]},
            ))  # fmt: skip
    return found
