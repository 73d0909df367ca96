"""Which answers show a case, and the middleware that notes who got one. A test walks all routes: each that could show a
case stands here with a part, or with the reason why it needs none."""

from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from ombud.trust.policy import ANONYMOUS, Viewer
from ombud.trust.viewing import held, looking

PLUGIN = "plugin/"
# code → words
PARTS = {
    "case": "The case",
    "aspect": "An aspect",
    "messages": "Its messages",
    "file": "A file",
    "original": "A message as it came in",
    "clocks": "Its clocks",
    "people": "Its people",
    "customer_system": "The customer in another system",
    "change": "A form to change it",
    "trail": "Its audit trail",
    "past": "How it was on a day",
    "file_of_case": "A file made of it",
    "viewers": "Who looked at it",
    "reasons": "Why they may see it",
}
_CASE = "/cases/{reference}"
_ASPECT = f"{_CASE}/aspects/{{aspect_id}}"
_API = "/api/v1/cases/{reference}"
VIEWED = {
    _CASE: "case", f"{_CASE}/slots/{{slug}}": "case", f"{_CASE}/routing": "case", f"{_CASE}/order": "case",
    f"{_CASE}/promises": "case", f"{_CASE}/proposals": "case", f"{_CASE}/why/{{entry}}": "case",
    f"{_CASE}/access": "reasons",
    f"{_CASE}/viewers": "viewers", f"{_CASE}/viewers.csv": "viewers",
    f"{_CASE}/clocks": "clocks", f"{_ASPECT}/clocks": "clocks",
    _ASPECT: "aspect", f"{_ASPECT}/decide": "aspect", f"{_ASPECT}/evidence": "aspect", f"{_ASPECT}/passages": "aspect",
    f"{_ASPECT}/protocol": "aspect", f"{_ASPECT}/redress": "aspect", f"{_ASPECT}/redress/calculator": "aspect",
    f"{_ASPECT}/redress/sums/{{sum_id}}": "aspect", f"{_ASPECT}/tasks": "aspect", f"{_ASPECT}/ties": "aspect",
    f"{_CASE}/change": "change", f"{_CASE}/tags": "change",
    f"{_CASE}/asks": "change", f"{_CASE}/merge": "change", f"{_CASE}/split": "change",
    f"{_CASE}/macros/{{macro_id}}": "change", "/bulk/{bulk_id}/messages/{reference}": "change",
    f"{_CASE}/parties/{{person_id}}/needs": "people", f"{_CASE}/crm/{{key}}": "customer_system",
    f"{_CASE}/history": "trail", f"{_CASE}/history.csv": "trail", f"{_CASE}/as-of": "past",
    f"{_CASE}/file": "file_of_case", f"{_CASE}/file/{{file_id}}": "file_of_case",
    "/files/{attachment_id}": "file",
    "/inbox": "messages", "/inbox/{message_id}/html": "messages", "/inbox/{message_id}/raw": "original",
    _API: "case", f"{_API}/messages": "messages", f"{_API}/history": "trail",
    f"{_API}/aspects/{{aspect_id}}/redress": "aspect",
}  # fmt: skip


def part_of(scope: Scope) -> str:
    """The code of what an answer at this address shows of a case; empty where it shows none."""
    path = str(cast(Any, scope).get("path_template", ""))
    if path.startswith("/p/"):
        return PLUGIN + scope["path"].removeprefix("/p/").partition("/")[0]
    return VIEWED.get(path, "")


def recording(app: ASGIApp) -> ASGIApp:
    """App-level middleware inside the door: notes which cases an answer showed, once it is on its way."""

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        part = part_of(scope) if scope["type"] == ScopeType.HTTP and scope["method"] == "GET" else ""
        viewer: Viewer = cast(Any, scope).get("viewer", ANONYMOUS)
        if not part or viewer.user_id is None:
            await app(scope, receive, send)
            return
        shown = False

        async def sending(message: Message) -> None:
            nonlocal shown
            shown = shown or (message["type"] == "http.response.start" and message["status"] == 200)
            await send(message)

        counts = not any(name == b"hx-request" for name, _ in scope["headers"])
        with looking() as look:
            try:
                await app(scope, receive, sending)
            finally:
                if shown:
                    for case_id, seen_by in look.cases.items():
                        held.note(seen_by, case_id, part, counts=counts)

    return through
