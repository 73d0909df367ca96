"""Full-text search over the API."""

from datetime import date
from typing import Annotated, Any

from litestar import Request, get
from litestar.params import FromQuery, QueryParameter

from ombud.desk.case_list import CaseFilters
from ombud.desk.errors import Invalid
from ombud.desk.search.asked import Asked, snippet
from ombud.desk.search.finding import CaseHit, Hits, MessageHit, PersonHit, search
from ombud.web.api import answers
from ombud.web.api.reading import refuse_unknown
from ombud.web.door import viewer_of

Req = Request[Any, Any, Any]
_KNOWN = frozenset({"q", "kind", "status", "unit", "queue", "received_from", "received_to", "cursor", "size"})


@get("/search", opt={"permission": "case.read"}, operation_id="search", tags=["Search"])
async def search_all(
    request: Req,
    q: Annotated[str, QueryParameter(description='words; "a phrase"; -word leaves out what holds it')] = "",
    kind: Annotated[str, QueryParameter(description="case, message or person; empty: the first of each")] = "",
    status: Annotated[str, QueryParameter(description="of the case: a status, or open (not closed)")] = "",
    unit: Annotated[str, QueryParameter(description="a unit's key; the units below it count")] = "",
    queue: FromQuery[str] = "",
    received_from: Annotated[date | None, QueryParameter(description="a day in the unit's zone, included")] = None,
    received_to: Annotated[date | None, QueryParameter(description="a day in the unit's zone, included")] = None,
    cursor: Annotated[str, QueryParameter(description="`next_cursor` of the page before; only with a kind")] = "",
    size: Annotated[int, QueryParameter(description="1 to 100, of each kind", ge=1, le=100)] = 20,
) -> answers.Search:
    """Search what you may see. A failure is a problem (503), never an empty list; `behind` counts what is missing."""
    refuse_unknown(request, _KNOWN)
    filters = CaseFilters(
        status=status, unit=unit, queue=queue, received_from=received_from, received_to=received_to
    )  # fmt: skip
    found = await search(viewer_of(request), q, kind, filters, cursor or None, size)
    if found.asked is None:
        raise Invalid("There is no word to search for. Send at least one letter or digit in `q`.", "q")
    return answers.Search(
        results=[_results(found.asked, part) for part in found.parts], behind=found.standing.behind,
        complete=found.standing.built,
    )  # fmt: skip


def _results(asked: Asked, part: Hits) -> answers.SearchResults:
    return answers.SearchResults(
        kind=part.kind, items=[_item(asked, hit) for hit in part.rows], next_cursor=part.next_cursor,
        count=None if part.more_than_counted else part.count, at_least=part.count if part.more_than_counted else None,
    )  # fmt: skip


def _item(asked: Asked, hit: CaseHit | MessageHit | PersonHit) -> answers.SearchHit:
    if isinstance(hit, CaseHit):
        return answers.SearchHit(
            id=hit.id, reference=hit.reference, title=hit.title, name=hit.customer, status=hit.status,
            at=hit.received_at, snippet=_snippet(asked, hit.matters),
        )  # fmt: skip
    if isinstance(hit, MessageHit):
        return answers.SearchHit(
            id=hit.id, reference=hit.reference, title=hit.title, direction=hit.direction, at=hit.said_at,
            snippet=_snippet(asked, hit.text),
        )  # fmt: skip
    return answers.SearchHit(id=hit.id, name=hit.name, email=hit.email, phone=hit.phone, cases=hit.cases)


def _snippet(asked: Asked, text: str) -> list[answers.SearchPiece]:
    return [answers.SearchPiece(text=piece.text, found=piece.found) for piece in snippet(asked, text)]


handlers = [search_all]
