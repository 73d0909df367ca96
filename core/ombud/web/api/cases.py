"""Cases over the API: one, many, and what is done with a case as a whole."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET

from ombud.desk import cases
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.case_view import case_page
from ombud.desk.colleagues import claims
from ombud.desk.errors import Changed, Invalid, NotAllowed
from ombud.desk.in_view import InView, in_view
from ombud.kernel.database import db
from ombud.web.api import answers
from ombud.web.api.bodies import Assignment, CaseChange, Claiming, Closing, Reopening
from ombud.web.api.reading import refuse_unknown
from ombud.web.door import viewer_of

Req = Request[Any, Any, Any]
TAGS = ["Cases"]
_FILTERS = frozenset(CaseFilters.__dataclass_fields__)
_FREE = frozenset({"title", "fields", "mood"})


@get("/cases", opt={"permission": "case.read"}, operation_id="listCases", tags=TAGS)
async def list_of_cases(
    request: Req,
    queue: FromQuery[str] = "",
    owner: Annotated[str, QueryParameter(description="a user's id, `me` or `nobody`")] = "",
    status: Annotated[str, QueryParameter(description="new, in_progress, resolved, closed, or open (not closed)")] = "",
    unit: Annotated[str, QueryParameter(description="a unit's key; the units below it count")] = "",
    channel: FromQuery[str] = "",
    priority: FromQuery[str] = "",
    received_from: Annotated[date | None, QueryParameter(description="a day in the unit's zone, included")] = None,
    received_to: Annotated[date | None, QueryParameter(description="a day in the unit's zone, included")] = None,
    reference: FromQuery[str] = "",
    due: Annotated[str, QueryParameter(description="late, or soon (three days or less)")] = "",
    case_type: FromQuery[str] = "",
    text: Annotated[
        str, QueryParameter(description="words of title, matters, names and own fields, or a reference")
    ] = "",
    order: Annotated[str, QueryParameter(description="newest, or due (late first)")] = "newest",
    cursor: Annotated[str, QueryParameter(description="`next_cursor` of the page before")] = "",
    size: Annotated[int, QueryParameter(description="1 to 200", ge=1, le=200)] = 50,
) -> answers.CaseLines:
    """List cases. `total` is exact; a filtered list with more than 1,000 matches says `at_least` instead."""
    refuse_unknown(request, _FILTERS | {"cursor", "size"})
    filters = CaseFilters(
        queue=queue, owner=owner, status=status, unit=unit, channel=channel, priority=priority,
        received_from=received_from, received_to=received_to, reference=reference, due=due, case_type=case_type,
        text=text, order=order,
    )  # fmt: skip
    page = await list_cases(viewer_of(request), filters, cursor or None, size)
    return answers.CaseLines(
        items=[answers.case_line(row) for row in page.rows], next_cursor=page.next_cursor, total=page.total,
        at_least=page.at_least,
    )  # fmt: skip


@get("/cases/{reference:str}", opt={"permission": "case.read"}, operation_id="getCase", tags=TAGS)
async def one_case(request: Req, reference: FromPath[str]) -> answers.Case:
    """A case with its aspects, parties and what may be done with it now."""
    return answers.case_answer(await case_page(viewer_of(request), reference, talk=False))


@patch("/cases/{reference:str}", opt={"permission": "case.write"}, operation_id="changeCase", tags=TAGS)
async def change_case(request: Req, reference: FromPath[str], data: JSONBody[CaseChange]) -> answers.Done:
    """Change a case. On an older version the answer is 409 with `theirs` and `yours`, and nothing is written."""
    viewer = viewer_of(request)
    case = await in_view(viewer, reference)
    given = {name: getattr(data, name) for name in data.__struct_fields__ if getattr(data, name) is not UNSET}
    version: int | None = given.pop("version")
    if case.hidden and _FREE & given.keys():
        raise NotAllowed("You cannot change title, mood or fields of this case. Ask your team leader.")
    confidential = given.pop("confidential", None)
    if "queue" in given:
        given["queue_id"] = await _queue_id(given.pop("queue"))
    try:
        async with db.transaction():
            if confidential is not None:
                await cases.set_confidential(viewer, case.id, confidential, version)
                version = None  # the row is locked; the version was compared
            await cases.change(viewer, case.id, given, version)
    except Changed as conflict:
        raise await _with_queue_keys(conflict) from None
    return await done(case)


async def _queue_id(key: str) -> UUID:
    found = await db.fetchval("SELECT id FROM core_queue WHERE key = $1 AND active", key)
    if found is None:
        raise Invalid("There is no such queue. GET /api/v1/queues lists them.", "queue")
    return UUID(str(found))


async def _with_queue_keys(conflict: Changed) -> Changed:
    """Both sides in the words of the API, which names queues by their keys."""
    sides = (conflict.theirs, conflict.yours)
    for side in sides:
        if "queue_id" in side:
            side["queue"] = await db.fetchval("SELECT key FROM core_queue WHERE id = $1", side.pop("queue_id"))
    return conflict


@post(
    "/cases/{reference:str}/take", opt={"permission": "case.take"}, operation_id="takeCase", tags=TAGS, status_code=200
)
async def take_case(request: Req, reference: FromPath[str]) -> answers.Done:
    """Become the owner of a case that nobody owns; 409 if somebody was quicker."""
    case = await in_view(viewer_of(request), reference)
    await cases.take(viewer_of(request), case.id)
    return await done(case)


@post(
    "/cases/{reference:str}/assign",
    opt={"permission": "case.write"},
    operation_id="assignCase",
    tags=TAGS,
    status_code=200,
)
async def assign_case(request: Req, reference: FromPath[str], data: JSONBody[Assignment]) -> answers.Done:
    """Give a case to somebody (which needs the right to assign), to yourself, or back to its queue."""
    case = await in_view(viewer_of(request), reference)
    await cases.assign(viewer_of(request), case.id, data.owner, data.version)
    return await done(case)


@post(
    "/cases/{reference:str}/close",
    opt={"permission": "case.close"},
    operation_id="closeCase",
    tags=TAGS,
    status_code=200,
)
async def close_case(request: Req, reference: FromPath[str], data: JSONBody[Closing]) -> answers.Done:
    """Close a case whose every aspect has an outcome and a reason."""
    case = await in_view(viewer_of(request), reference)
    await cases.close(viewer_of(request), case.id, data.version, data.reason)
    return await done(case)


@post(
    "/cases/{reference:str}/reopen",
    opt={"permission": "case.reopen"},
    operation_id="reopenCase",
    tags=TAGS,
    status_code=200,
)
async def reopen_case(request: Req, reference: FromPath[str], data: JSONBody[Reopening]) -> answers.Done:
    """Open a closed case again, with a reason; its aspects stay decided until each is reopened."""
    case = await in_view(viewer_of(request), reference)
    await cases.reopen(viewer_of(request), case.id, data.reason, data.version)
    return await done(case)


@post(
    "/cases/{reference:str}/claim",
    opt={"permission": "case.write"},
    operation_id="claimCase",
    tags=TAGS,
    status_code=200,
)
async def claim_case(request: Req, reference: FromPath[str], data: JSONBody[Claiming]) -> answers.Done:
    """Say for ten minutes that you work on a case, or for ten more; 409 while somebody else does. It blocks nobody."""
    case = await in_view(viewer_of(request), reference)
    begin = claims.take_over if data.take_over else claims.claim
    await begin(viewer_of(request), case.id)
    return await done(case)


@post(
    "/cases/{reference:str}/release",
    opt={"permission": "case.write"},
    operation_id="releaseCase",
    tags=TAGS,
    status_code=200,
)
async def release_case(request: Req, reference: FromPath[str]) -> answers.Done:
    """End your own claim before it ends by itself; somebody else's stays."""
    case = await in_view(viewer_of(request), reference)
    await claims.release(viewer_of(request), case.id)
    return await done(case)


async def done(case: InView) -> answers.Done:
    """How the case stands now; the viewer was allowed the command, even if it took the case out of their view."""
    row = await db.fetchrow("SELECT status, version FROM core_case WHERE id = $1", case.id)
    assert row is not None
    return answers.Done(reference=case.reference, status=row["status"], version=row["version"])


handlers = [
    list_of_cases,
    one_case,
    change_case,
    take_case,
    assign_case,
    close_case,
    reopen_case,
    claim_case,
    release_case,
]
