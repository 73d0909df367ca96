"""Checks an export of an Ombud ledger (format ombud-ledger-1), or a certificate of destruction, without Ombud:
`python verify_ombud.py FILE`.

One file on purpose: whoever doubts the desk takes it elsewhere and reads it. Python 3.9 or newer is enough; the
signature is checked where the package `cryptography` is installed, and it says so where it is not.

What a chain cannot prove by itself: that nobody with full access rebuilt everything since the last checkpoint that was
published, or cut off the newest entries. Pass the published ones with --checkpoints.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import sys
from typing import Any, BinaryIO

ALGORITHM = "ombud-ledger-1"
CERTIFICATE = "ombud-destruction-1"
ZEROS = "0" * 64
SHAPES: dict[str, dict[str, type]] = {
    "header": {"type": str, "v": int, "algorithm": str},
    "entry": {
        **{"type": str, "v": int, "stream": str, "seq": int, "at": str, "actor": str, "cause": str, "kind": str},
        **{"body": dict, "sealed": dict, "prev": str, "hash": str},
    },
    "opening": {"type": str, "stream": str, "seq": int, "field": str, "nonce": str, "value": object},
    "checkpoint": {"type": str, "n": int, "at": str, "size": int, "root": str, "prev": str, "hash": str},
    "proof": {
        **{"type": str, "stream": str, "seq": int, "checkpoint": int, "index": int, "size": int, "path": list},
    },
    "signature": {"type": str, "algorithm": str, "over": str},
}
OPTIONAL = {"header": {"scope": str, "made_at": str, "public_key": str}, "signature": {"signature": str}}
HEX_FIELDS = ("prev", "hash", "root", "over")


class Broken(Exception):
    """Something does not hold; the text names it."""


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(label: str, fields: dict[str, Any]) -> str:
    return hashlib.sha256(label.encode() + b"\n" + canonical(fields)).hexdigest()


def _refuse_float(text: str) -> Any:
    raise Broken(f"the number {text} is not a whole number")


def read_line(line: bytes, place: str) -> dict[str, Any]:
    """One object of the export; its bytes must be the canonical form of what they say, which rules out double keys."""
    try:
        item = json.loads(line.decode("utf-8"), parse_float=_refuse_float, parse_constant=_refuse_float)
        written = canonical(item)
    except (ValueError, RecursionError) as error:
        raise Broken(f"{place}: not a line of JSON ({error})") from None
    if written + b"\n" != line:
        raise Broken(f"{place}: not in canonical form")
    if not isinstance(item, dict) or item.get("type") not in SHAPES:
        raise Broken(f"{place}: unknown type of line")
    check_shape(item, place)
    return item


def check_shape(item: dict[str, Any], place: str) -> None:
    kind = item["type"]
    allowed = {**SHAPES[kind], **OPTIONAL.get(kind, {})}
    for name, value in item.items():
        if name not in allowed:
            raise Broken(f"{place}: a {kind} has no field {name!r}")
        if not isinstance(value, allowed[name]) or (allowed[name] is int and isinstance(value, bool)):
            raise Broken(f"{place}: {kind}.{name} has the wrong type")
        if name in HEX_FIELDS:
            unhex(value, 32, f"{place}: {kind}.{name}")
    if missing := [name for name in SHAPES[kind] if name not in item]:
        raise Broken(f"{place}: a {kind} needs the field {missing[0]!r}")


def unhex(text: Any, size: int, what: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except (ValueError, TypeError):
        raw = b""
    if len(raw) != size or raw.hex() != text:
        raise Broken(f"{what} is not {size} bytes in lower-case hex")
    return raw


class Check:
    """Reads an export once, line by line; what refers to other lines is held until the end."""

    def __init__(self) -> None:
        self.sealed_by: dict[tuple[str, int], tuple[str, dict[str, str]]] = {}
        self.heads: dict[str, tuple[int, str]] = {}
        self.checkpoints: dict[int, dict[str, Any]] = {}
        self.openings: list[tuple[str, dict[str, Any]]] = []
        self.proofs: list[tuple[str, dict[str, Any]]] = []
        self.proved: set[tuple[str, int]] = set()
        self.published: set[int] = set()
        self.absent: list[int] = []
        self.leaves: dict[int, set[int]] = {}
        self.at: dict[tuple[str, int], str] = {}
        self.checkpoint_of: dict[tuple[str, int], int] = {}
        self.header: dict[str, Any] = {}
        self.signature: dict[str, Any] = {}
        self.signature_state = ""

    def read(self, file: BinaryIO, public_key: str = "") -> None:
        over = hashlib.sha256()
        for number, line in enumerate(file, start=1):
            place = f"line {number}"
            if self.signature:
                raise Broken(f"{place}: something follows the signature")
            item = read_line(line, place)
            if (number == 1) != (item["type"] == "header"):
                raise Broken(f"{place}: the header stands first, once")
            if item["type"] == "signature":
                self.take_signature(item, place, over)
                continue
            over.update(line)
            getattr(self, "take_" + item["type"])(item, place)
        if not self.signature:
            raise Broken("the end is missing: no signature line")
        self.check_signature(public_key)
        self.check_openings()
        self.check_checkpoints()
        self.check_proofs()

    def take_header(self, item: dict[str, Any], place: str) -> None:
        if item["v"] != 1 or item["algorithm"] != ALGORITHM:
            raise Broken(f"{place}: this verifier knows {ALGORITHM}, version 1, only")
        if item.get("scope", "").startswith("period/") and item["scope"].count("/") != 2:
            raise Broken(f"{place}: the scope names no period")
        self.header = item

    def take_entry(self, item: dict[str, Any], place: str) -> None:
        name = f"{place}: entry {item['stream']} {item['seq']}"
        if item["v"] != 1:
            raise Broken(f"{name}: unknown version")
        seq, prev = self.heads.get(item["stream"], (0, ZEROS))
        if item["seq"] != seq + 1:
            raise Broken(f"{name}: expected seq {seq + 1}")
        if item["prev"] != prev:
            raise Broken(f"{name}: does not follow the entry before it")
        fields = {key: value for key, value in item.items() if key not in ("type", "hash")}
        if digest("ombud-entry-1", fields) != item["hash"]:
            raise Broken(f"{name}: the hash does not fit the content")
        self.heads[item["stream"]] = (item["seq"], item["hash"])
        self.sealed_by[item["stream"], item["seq"]] = (item["hash"], item["sealed"])
        self.at[item["stream"], item["seq"]] = item["at"]

    def take_opening(self, item: dict[str, Any], place: str) -> None:
        self.openings.append((place, item))

    def take_checkpoint(self, item: dict[str, Any], place: str) -> None:
        name = f"{place}: checkpoint {item['n']}"
        if checkpoint_digest(item) != item["hash"]:
            raise Broken(f"{name}: the hash does not fit the content")
        if item["n"] < 1 or item["size"] < 1 or (item["n"] == 1) != (item["prev"] == ZEROS):
            raise Broken(f"{name}: number, size and previous hash do not fit together")
        if item["n"] in self.checkpoints:
            raise Broken(f"{name}: stands here twice")
        self.checkpoints[item["n"]] = item

    def take_proof(self, item: dict[str, Any], place: str) -> None:
        self.proofs.append((place, item))

    def take_signature(self, item: dict[str, Any], place: str, over: Any) -> None:
        if item["over"] != over.hexdigest():
            raise Broken(f"{place}: the lines before the signature were changed")
        self.signature = item

    def check_openings(self) -> None:
        for place, item in self.openings:
            name = f"{place}: opening of {item['field']!r} in {item['stream']} {item['seq']}"
            _, sealed = self.sealed_by.get((item["stream"], item["seq"]), ("", {}))
            if item["field"] not in sealed:
                raise Broken(f"{name}: no entry here sealed it")
            nonce = unhex(item["nonce"], 32, f"{name}: the nonce")
            if not hmac.compare_digest(
                hmac.new(nonce, canonical(item["value"]), "sha256").hexdigest(), str(sealed[item["field"]])
            ):
                raise Broken(f"{name}: not the value that was sealed")

    def check_checkpoints(self) -> None:
        for n, item in sorted(self.checkpoints.items()):
            earlier = self.checkpoints.get(n - 1)
            if earlier and item["prev"] != earlier["hash"]:
                raise Broken(f"checkpoint {n}: does not follow checkpoint {n - 1}")

    def check_proofs(self) -> None:
        for place, item in self.proofs:
            name = f"{place}: proof of {item['stream']} {item['seq']}"
            entry = self.sealed_by.get((item["stream"], item["seq"]))
            checkpoint = self.checkpoints.get(item["checkpoint"])
            if entry is None or checkpoint is None:
                raise Broken(f"{name}: its entry or its checkpoint is not here")
            if (item["stream"], item["seq"]) in self.proved:
                raise Broken(f"{name}: an entry is in one checkpoint only")
            path = [unhex(each, 32, f"{name}: the path") for each in item["path"]]
            root = inclusion_root(bytes.fromhex(entry[0]), item["index"], item["size"], path)
            if item["size"] != checkpoint["size"] or root is None or root.hex() != checkpoint["root"]:
                raise Broken(f"{name}: the entry is not in checkpoint {item['checkpoint']}")
            self.proved.add((item["stream"], item["seq"]))
            leaves = self.leaves.setdefault(item["checkpoint"], set())
            if item["index"] in leaves:
                raise Broken(f"{name}: two entries in one place of checkpoint {item['checkpoint']}")
            leaves.add(item["index"])
            self.checkpoint_of[item["stream"], item["seq"]] = item["checkpoint"]

    def check_signature(self, public_key: str) -> None:
        shown, algorithm = self.header.get("public_key", ""), self.signature["algorithm"]
        if public_key and shown != public_key:
            raise Broken("signature: the export was signed with another key than the one you named")
        if algorithm == "none" and not shown and "signature" not in self.signature:
            self.signature_state = "not signed: whoever made the file could have made all of it"
        elif algorithm == "ed25519" and shown and "signature" in self.signature:
            key = unhex(shown, 32, "header: the public key")
            self.signature_state = ed25519(key, self.signature)
        else:
            raise Broken("signature: algorithm, key and signature do not fit together")

    def compare_published(self, file: BinaryIO) -> None:
        """Every checkpoint of the export must be one that was published, and those must follow one another."""
        earlier: dict[str, Any] | None = None
        for number, line in enumerate(file, start=1):
            place = f"published checkpoints, line {number}"
            item = read_line(line, place)
            if item["type"] != "checkpoint" or checkpoint_digest(item) != item["hash"]:
                raise Broken(f"{place}: not a checkpoint that holds")
            if earlier and (item["n"] != earlier["n"] + 1 or item["prev"] != earlier["hash"]):
                raise Broken(f"{place}: checkpoint {item['n']} does not follow checkpoint {earlier['n']}")
            self.note_absent(item, earlier)
            earlier = item
            if item["n"] in self.checkpoints:
                if self.checkpoints[item["n"]] != item:
                    raise Broken(f"checkpoint {item['n']} differs from the published one")
                self.published.add(item["n"])

    def note_absent(self, item: dict[str, Any], earlier: dict[str, Any] | None) -> None:
        """A published checkpoint made within the period, over entries since another one of it, belongs here."""
        scope = self.header.get("scope", "")
        if not scope.startswith("period/") or earlier is None or item["n"] in self.checkpoints:
            return
        since, until = scope.split("/")[1:]
        if since <= earlier["at"] and item["at"] < until:
            self.absent.append(item["n"])

    def completeness(self) -> str:
        """Of a period: whether all of its checkpoints are here with all their entries. Those of before, which only the
        beginnings of chains need, hold no entry of the period."""
        since, until = self.header["scope"].split("/")[1:]
        within = {n for (place, n) in self.checkpoint_of.items() if since <= self.at[place] < until}
        if not within:
            lost = f" {len(self.absent)} published checkpoints of it are missing." if self.absent else ""
            return f"NOT COMPLETE: no entry of the period is in a checkpoint here.{lost}"
        missing = sum(self.checkpoints[n]["size"] - len(self.leaves[n]) for n in within)
        gaps = (set(range(min(within), max(within) + 1)) | set(self.absent)) - self.checkpoints.keys()
        if not missing and not gaps:
            return f"Checkpoints {min(within)} to {max(within)} are here whole: no entry of theirs was left out."
        told = f"{missing} entries of the period's checkpoints are not in this file" if missing else ""
        lost = f"{len(gaps)} checkpoints of it are not" if gaps else ""
        return "NOT COMPLETE: " + " and ".join(each for each in (told, lost) if each) + "."

    def report(self) -> list[str]:
        unproved = len(self.sealed_by) - len(self.proved)
        lines = [
            f"{len(self.sealed_by)} entries in {len(self.heads)} streams hold, "
            f"{len(self.openings)} opened values fit, {len(self.checkpoints)} checkpoints hold.",
            f"Scope: {self.header.get('scope') or 'not named'}.",
            f"Signature: {self.signature_state}.",
        ]
        if self.header.get("scope", "").startswith("period/"):
            lines.append(self.completeness())
        if unproved:
            lines.append(f"{unproved} entries are in no checkpoint here: their newest could have been cut off.")
        if unpublished := len(self.checkpoints) - len(self.published):
            lines.append(f"{unpublished} checkpoints were not compared with published ones (--checkpoints FILE).")
        return lines


def checkpoint_digest(item: dict[str, Any]) -> str:
    return digest("ombud-checkpoint-1", {key: item[key] for key in ("n", "at", "size", "root", "prev")})


def inclusion_root(entry_hash: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that leaf, place and path lead to (RFC 9162, 2.1.3.2); None where they cannot fit together."""
    if not 0 <= index < size:
        return None
    last = size - 1
    node = hashlib.sha256(b"\x00" + entry_hash).digest()
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def ed25519(key: bytes, item: dict[str, Any]) -> str:
    signature = unhex(item["signature"], 64, "signature")
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return "NOT CHECKED, because the package `cryptography` is not installed (pip install cryptography)"
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, bytes.fromhex(item["over"]))
    except (InvalidSignature, ValueError):
        raise Broken("signature: it was not made with the key in the header") from None
    return f"good, by the key {key.hex()}; compare it with the one the desk publishes"


def read_certificate(file: BinaryIO, public_key: str) -> list[str]:
    """A certificate of destruction: one JSON object of content and signature, which is over the content's canonical
    form."""
    try:
        told = json.loads(file.read().decode("utf-8"), parse_float=_refuse_float, parse_constant=_refuse_float)
        content, signature = told["certificate"], told["signature"]
        over = hashlib.sha256(canonical(content)).hexdigest()
        key = unhex(signature["public_key"], 32, "the public key")
        counts = content["counts"]
        if content["format"] != CERTIFICATE:
            raise Broken(f"this verifier knows {CERTIFICATE} only")
        if signature["over"] != over:
            raise Broken("the certificate was changed after it was signed")
        if public_key and signature["public_key"] != public_key:
            raise Broken("signature: the certificate was signed with another key than the one you named")
        if counts["destroyed"] != len(content["destroyed"]):
            raise Broken("the certificate counts other cases than it names")
        state = ed25519(key, signature)
        root = content["ledger"].get("root", "none")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Broken(f"this is no certificate of destruction ({error!r})") from None
    return [
        f"Certificate of destruction, run {content['run']}: {counts['destroyed']} cases destroyed, "
        f"{counts['held_back']} held back.",
        f"Signature: {state}.",
        f"Root of the ledger it names: {root}. Compare it with the published checkpoints.",
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Checks an export of an Ombud ledger.")
    parser.add_argument("file", help="the export, JSON lines; or a certificate, JSON")
    parser.add_argument("--checkpoints", metavar="FILE", help="checkpoints as they were published")
    parser.add_argument("--key", default="", metavar="HEX", help="the public key the desk publishes")
    chosen = parser.parse_args(arguments)
    check = Check()
    try:
        with open(chosen.file, "rb") as file:
            if file.read(2) == b"{\n":
                file.seek(0)
                print("\n".join(read_certificate(file, chosen.key)))
                return 0
            file.seek(0)
            check.read(file, chosen.key)
        if chosen.checkpoints:
            with open(chosen.checkpoints, "rb") as file:
                check.compare_published(file)
    except (Broken, OSError) as error:
        print(f"DOES NOT HOLD: {error}", file=sys.stderr)
        return 1
    print("\n".join(check.report()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
