"""How a unit pays: by a file that a person takes to the bank, or by a signed request to its own payment service. A
group of core's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.trust.group_settings import held_in, reveal

KEY = "payments"
LABEL = "Payments of redress"
SUMMARY = "How money that was granted is paid out: by a file for your bank, or handed to your own payment service."
ICON = "credit-card"
WAYS = {"file": "A file that a person takes to the bank", "webhook": "A signed request to our payment service"}
LOCAL = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Rules:
    """`silent_days`: after so many days without word a payment that was handed over is in doubt."""

    way: str
    payer_name: str
    payer_iban: str
    payer_bic: str
    url: str
    silent_days: int
    status_url: str = ""

    @property
    def payer(self) -> tuple[str, str, str]:
        return (self.payer_name, self.payer_iban, self.payer_bic)


@lru_cache(maxsize=1)
def schema() -> SettingSchema:
    fields: Mapping[str, Any] = {
        "way": {
            "type": "string", "allowed": list(WAYS), "required": True, "default": "file",
            "meta": {"label": "Payments leave by", "choices": WAYS, "group": "Way"},
        },
        "silent_days": {
            "type": "integer", "min": 1, "max": 90, "required": True, "default": 10,
            "meta": {"label": "In doubt after", "suffix": "days", "group": "Way",
                     "help": "A payment that was handed over and of which nothing is heard for so long is shown as "
                     "not certain. A person then looks; nothing is paid again by itself."},
        },
        "payer_name": {
            "type": "string", "maxlength": 70,
            "meta": {"label": "Name of the account holder", "group": "Our account",
                     "help": "As your bank knows it. Needed for files in the format pain.001."},
        },
        "payer_iban": {
            "type": "string", "maxlength": 42,
            "meta": {"label": "IBAN of the account that pays", "group": "Our account"},
        },
        "payer_bic": {
            "type": "string", "maxlength": 11,
            "meta": {"label": "Its BIC, where your bank wants it", "group": "Our account"},
        },
        "url": {
            "type": "string", "maxlength": 500,
            "meta": {"label": "Address of the payment service", "group": "Payment service",
                     "placeholder": "https://payments.example/redress",
                     "help": "It must answer over https, or on this very machine. See docs/redress.md for what it is "
                     "sent and what it answers."},
        },
        "status_url": {
            "type": "string", "maxlength": 500,
            "meta": {"label": "Its address for questions, if it has one", "group": "Payment service",
                     "placeholder": "https://payments.example/status",
                     "help": "Where it says what became of a payment, by its key. A person can then have it asked "
                     "about a payment that is not certain."},
        },
        "secret": {
            "type": "string", "maxlength": 200,
            "meta": {"label": "Shared secret", "secret": True, "group": "Payment service",
                     "help": "Signs what is sent, and what comes back."},
        },
    }  # fmt: skip
    return read_schema(fields)


async def rules_in(unit_id: UUID | None) -> Rules:
    """As they hold in a unit; one statement."""
    found = await held_in(unit_id, KEY, schema())
    return Rules(
        found["way"], found["payer_name"] or "", (found["payer_iban"] or "").replace(" ", "").upper(),
        (found["payer_bic"] or "").replace(" ", "").upper(), found["url"] or "", found["silent_days"],
        found["status_url"] or "",
    )  # fmt: skip


async def secret_in(unit_id: UUID | None) -> str:
    """In clear, to sign and to check with; empty where none is set."""
    return (await reveal(KEY, unit_id)).get("secret", "")


def fits(url: str) -> bool:
    """https anywhere, http on this machine alone: an account number is never sent in clear."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL))
