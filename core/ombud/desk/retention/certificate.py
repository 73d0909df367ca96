"""The certificate of a run: which rules, which cases by their ids, who began it, what was held back and why, and a root
of the ledger that holds all of it. Signed with the key that signs the exports of the ledger; `verify_ombud.py` checks
it. No name and no word of anybody stands in it but the name of who began the run."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ombud import speech
from ombud.desk import units
from ombud.desk.casefile import archive
from ombud.desk.retention.rules import Rule
from ombud.desk.retention.words import LINES, period_words, reason_words
from ombud.kernel.database import db
from ombud.trust import checkpoints
from ombud.trust.canonical import canonical, moment_text
from ombud.trust.signing import signing_key

FORMAT = "ombud-destruction-1"
TEMPLATES = Path(__file__).parent / "templates"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def rule_told(rule: Rule) -> dict[str, Any]:
    """A rule as a run freezes it."""
    return {
        "id": str(rule.id), "version": rule.version, "unit": str(rule.unit_id or ""), "country": rule.country,
        "case_type": rule.case_type, "amount": rule.amount, "span": rule.span, "counts_from": rule.counts_from,
        "source": rule.source, "automatic": rule.automatic, "written_by": rule.by,
        "written_at": moment_text(rule.changed_at),
    }  # fmt: skip


async def newest_root() -> dict[str, Any]:
    """Makes a checkpoint of what is new, and gives the newest one."""
    await checkpoints.make_checkpoint()
    row = await db.fetchrow("SELECT n, at, size, root, prev, hash FROM core_checkpoint ORDER BY n DESC LIMIT 1")
    return checkpoints.checkpoint_of(row).shown if row else {}


async def written(run: Mapping[str, Any], root: Mapping[str, Any]) -> bytes:
    """The signed file, in the transaction that ends the run."""
    content = await _content(run, root)
    key = await signing_key()
    over = hashlib.sha256(canonical(content)).digest()
    signature = {"algorithm": "ed25519", "public_key": key.public_key().public_bytes_raw().hex(), "over": over.hex(),
                 "signature": key.sign(over).hex()}  # fmt: skip
    return msgspec.json.format(speech.encoded({"certificate": content, "signature": signature}), indent=2) + b"\n"


async def _content(run: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    items = await db.fetch("SELECT * FROM core_retention_item WHERE run_id = $1 ORDER BY at, id", run["id"])
    used = {str(row["rule_id"]) for row in items}
    gone = [row for row in items if row["state"] == "destroyed"]
    tables: dict[str, int] = {}
    for row in gone:
        for table, count in row["gone"].items():
            tables[table] = tables.get(table, 0) + count
    return {
        "format": FORMAT, "organisation": (await units.first()).name, "run": str(run["id"]), "kind": run["kind"],
        "day": run["day"].isoformat(), "began_at": moment_text(run["began_at"]), "began_by": run["began_by"],
        "began_by_name": await _name(run["began_by"]), "ended_at": moment_text(run["ended_at"]), "more": run["more"],
        "rules": [each for each in run["rules"] if each["id"] in used],
        "destroyed": [
            {"case": str(row["case_id"]), "rule": str(row["rule_id"]), "cases": row["cases"], "people": row["people"],
             "keys": row["keys"], "journal_line": row["journal_line"], "at": moment_text(row["at"])}
            for row in gone
        ],
        "held_back": [
            {"case": str(row["case_id"]), "rule": str(row["rule_id"]), "reasons": list(row["reasons"])}
            for row in items if row["state"] == "held"
        ],
        "counts": {"destroyed": run["destroyed"], "held_back": run["held"],
                   "people": sum(row["people"] for row in gone), "keys": sum(row["keys"] for row in gone)},
        "tables": dict(sorted(tables.items())), "ledger": dict(root),
    }  # fmt: skip


async def _name(actor: str) -> str:
    kind, _, identity = actor.partition("/")
    if kind != "user":
        return ""
    sql = "SELECT coalesce(nullif(display_name, ''), name) FROM core_user WHERE id = $1::uuid"
    return str(await db.fetchval(sql, identity) or "")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader([TEMPLATES, archive.TEMPLATES]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def page(file: bytes, unit_names: Mapping[str, str], type_names: Mapping[str, str]) -> bytes:
    """The certificate as one page of HTML: to print or to hand over, without scripts and without the desk."""
    told = msgspec.json.decode(file)
    rules = {each["id"]: each for each in told["certificate"]["rules"]}
    template = _environment().get_template("destruction.html")
    return template.render(
        told=told["certificate"], signature=told["signature"], sha256=digest(file), rules=rules, lines=LINES,
        period_words=period_words, reason_words=reason_words, unit_names=unit_names, type_names=type_names,
        label_of="Certificate of destruction", reference=told["certificate"]["run"],
    ).encode()  # fmt: skip
