"""The desk's codes. Codes are stored; pages show words in the reader's language."""

import re
from functools import cache

from ombud.speech import word

CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}\Z")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z")

STATUSES = ("new", "in_progress", "resolved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
SEVERITIES = (1, 2, 3, 4)
MOODS = ("calm", "tense", "upset", "angry")
OUTCOMES = ("upheld", "partly_upheld", "not_upheld", "withdrawn", "out_of_scope")
REDRESS_KINDS = ("money", "goods", "waiver", "apology", "correction")
CAUSES = (
    "wrong_information",
    "delay",
    "system_fault",
    "process_not_followed",
    "process_unfair",
    "product_or_service",
    "staff_conduct",
    "third_party",
    "customer_misunderstanding",
    "no_cause_found",
)
PARTY_ROLES = ("complainant", "joint_complainant", "representative", "complained_about", "witness")

LABELS = {
    "new": "New",
    "in_progress": "In progress",
    "resolved": "Resolved",
    "closed": "Closed",
    "open": "Open",
    "low": "Low",
    "normal": "Normal",
    "high": "High",
    "urgent": "Urgent",
    "calm": "Calm",
    "tense": "Tense",
    "upset": "Upset",
    "angry": "Angry",
    "upheld": "Upheld",
    "partly_upheld": "Partly upheld",
    "not_upheld": "Not upheld",
    "withdrawn": "Withdrawn",
    "out_of_scope": "Not for us",
    "money": "Money",
    "goods": "Goods or service",
    "waiver": "Claim or fee waived",
    "apology": "Apology",
    "correction": "Correction",
    "wrong_information": "Wrong information",
    "delay": "Delay",
    "system_fault": "System fault",
    "process_not_followed": "Process not followed",
    "process_unfair": "Process unfair",
    "product_or_service": "Product or service",
    "staff_conduct": "Staff conduct",
    "third_party": "Third party",
    "customer_misunderstanding": "Misunderstanding",
    "no_cause_found": "No cause found",
    "complainant": "Complainant",
    "joint_complainant": "Joint complainant",
    "representative": "Representative",
    "complained_about": "Complained about",
    "witness": "Witness",
}


def is_code(text: str) -> bool:
    """Whether a value is a code, fit to stand in the ledger in clear; anything else may be somebody's words."""
    return text == "" or CODE.match(text) is not None


def is_language(text: str) -> bool:
    """Whether a value is the code of a language (BCP 47), fit to stand in the ledger in clear."""
    return LANGUAGE.match(text) is not None


def label(code: str) -> str:
    """The word for a code, English for programs; the code itself, readable, where a plugin brought it."""
    return word(LABELS.get(code) or code.replace("_", " ").capitalize())


@cache
def letter(position: int) -> str:
    """A for the first aspect, B for the second, …, AA after Z."""
    text = ""
    while position > 0:
        position, rest = divmod(position - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
