"""What is handed to the person: a ZIP with everything as JSON, a page to read, their files, and where others' data was
taken out."""

import html
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ombud import speech
from ombud.desk.privacy.portable import FORMAT, given, tables
from ombud.desk.redaction import Redaction
from ombud.desk.zips import Zip
from ombud.kernel.clock import now

if TYPE_CHECKING:
    from ombud.desk.privacy.collecting import Gathered

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h2{margin-top:2rem}dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.2rem 1rem;margin:1rem 0;"
    "padding-bottom:1rem;border-bottom:1px solid #bbb}dt{color:#555}dd{margin:0;white-space:pre-wrap;"
    "overflow-wrap:anywhere}"
)
_README = """What we keep of you, as it stood on {day}. Request {reference}.

index.html        everything to read, in any browser, without a connection
data.json         the same for programs: by source, by kind, one record each (UTF-8, moments in UTC)
{csv}files/            files you sent, and files that were sent to you
received/         what you sent, byte for byte as it came in
kept/             what else was kept for you, such as the account that money goes to
redactions.json   where the data of other people was taken out, and what was left out and why
SHA256SUMS        digests of all files
"""


_CSV = "csv/              the same once more, a table each (RFC 4180, UTF-8)\n"


def written(request: Mapping[str, Any], found: "Gathered", redaction: Redaction) -> bytes:
    """The whole ZIP."""
    portable = request["does"] == "portability"
    data = {
        source: {kind: [redaction.value(plain(row), f"{source}.{kind}") for row in rows]
                 for kind, rows in kinds.items()}
        for source, kinds in found.data.items() if kinds
    }  # fmt: skip
    if portable:
        data = given(data, "core")
    labels = {each["source"]: each["label"] for each in found.sources}
    head = {"reference": request["reference"], "law": request["terms"]["law"], "right": request["terms"]["right"],
            "format": FORMAT if portable else "ombud-access-1", "made_at": plain(now()),
            "sources": [{**each} for each in found.sources]}  # fmt: skip
    places: dict[tuple[str, str], int] = {}
    for place, kind, many in (*redaction.log, *found.left_out):
        places[place, kind] = places.get((place, kind), 0) + many
    log = [{"where": where, "what": kind, "count": many} for (where, kind), many in places.items()]
    texts = {
        "README.txt": _README.format(day=now().date(), reference=request["reference"], csv=_CSV if portable else ""),
        "index.html": _page(head, data, labels, log, [name for name, _ in found.files]),
    }
    parts: list[tuple[str, bytes]] = [(name, text.encode()) for name, text in texts.items()]
    parts.append(("data.json", _json({"request": head, "data": data})))
    parts.append(("redactions.json", _json(log)))
    parts += tables(data) if portable else []
    parts += found.files
    out = Zip(now())
    for name, each in parts:
        out.put(name, each)
    return out.finish()


def safe_name(name: str) -> str:
    """A file's name that leads into no other folder."""
    return re.sub(r"[^\w. -]", "_", name).strip(". ")[:120] or "file"


def plain(value: Any) -> Any:
    """As JSON holds it: moments and days as text, amounts as text, ids as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _json(value: Any) -> bytes:
    return msgspec.json.format(speech.encoded(value), indent=2)


def _page(
    head: Mapping[str, Any], data: Mapping[str, Any], labels: Mapping[str, str], log: Sequence[Mapping[str, Any]],
    files: Sequence[str],
) -> str:  # fmt: skip
    said = html.escape
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{said(head["reference"])}</title>'
        f"<style>{_STYLE}</style><h1>What we keep of you</h1>"
        f"<p>Request {said(head['reference'])}: {said(head['right'])} ({said(head['law'])}). "
        f"As it stood at {said(head['made_at'])}.</p>"
    ]
    for source, kinds in data.items():
        parts.append(f"<h2>{said(labels.get(source, source))}</h2>")
        for kind, rows in kinds.items():
            parts.append(f"<h3>{said(kind.replace('_', ' '))}</h3>")
            parts += [_facts(row) for row in rows]
    if files:
        listed = "".join(f'<li><a href="{said(each)}">{said(each)}</a></li>' for each in files)
        parts.append(f"<h2>Files</h2><ul>{listed}</ul>")
    parts.append("<h2>What was taken out</h2>")
    parts.append(
        "<ul>" + "".join(f"<li>{said(str(e['where']))}: {said(str(e['what']))} ({e['count']})</li>" for e in log)
        + "</ul>" if log else "<p>Nothing.</p>"
    )  # fmt: skip
    return "\n".join([*parts, "</html>\n"])


def _facts(row: Mapping[str, Any]) -> str:
    lines = "".join(
        f"<dt>{html.escape(str(name).replace('_', ' '))}</dt><dd>{html.escape(_said(value))}</dd>"
        for name, value in row.items()
    )
    return f"<dl>{lines}</dl>"


def _said(value: Any) -> str:
    return value if isinstance(value, str) else speech.encoded(value).decode()
