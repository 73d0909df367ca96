"""POST /api/v1/complaints: the door for machines. The exact bytes are kept before anything thinks."""

from typing import Annotated, Any

from litestar import Request, post
from litestar.params import HeaderParameter, JSONBody

from ombud.desk import intake
from ombud.desk.api_complaint import ComplaintBody, parse_api_complaint
from ombud.desk.errors import Invalid, NotAllowed
from ombud.desk.fields import check
from ombud.kernel.database import db
from ombud.trust.policy import Viewer
from ombud.web.api.answers import Filed
from ombud.web.api.reading import idempotency_key
from ombud.web.door import viewer_of
from ombud_plugin_api.facts import RawReceipt


@post("/complaints", opt={"permission": "case.file"}, operation_id="fileComplaint", tags=["Complaints"])
async def file_complaint(
    request: Request[Any, Any, Any],
    data: JSONBody[ComplaintBody],
    key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            required=False,
            description="Required: 1 to 200 visible ASCII characters, new for each complaint. The same key with the "
            "same body answers with the first reference again.",
        ),
    ] = None,
) -> Filed:
    """File a complaint. Each of `matters` becomes an aspect that is owned, decided and answered by itself."""
    viewer = viewer_of(request)
    raw = RawReceipt(
        channel="api",
        key=idempotency_key(key, required=True),
        content_type="application/json",
        body=await request.body(),
    )
    await _check_place(viewer, data)
    filed = await intake.file(raw, parse_api_complaint(raw), principal=viewer.actor, actor=viewer.actor)
    return Filed(reference=filed.reference, track_url=filed.track_url)


_PLACE = """
SELECT (SELECT id FROM core_unit u WHERE CASE WHEN $1 = '' THEN u.parent_id IS NULL ELSE u.key = $1 END
        ORDER BY u.created_at, u.id LIMIT 1) AS unit_id,
    (SELECT fields FROM core_case_type WHERE key = $2 AND active) AS fields
"""


async def _check_place(viewer: Viewer, data: ComplaintBody) -> None:
    """The right to file must hold in the unit that gets the case. What is wrong is refused before the receipt is
    stored, so that the key stays free for the corrected body."""
    place = await db.fetchrow(_PLACE, data.unit, data.case_type)
    assert place is not None
    if place["unit_id"] is None:
        raise Invalid(f"There is no unit {data.unit!r}. Leave it out, or name an existing one.", "unit")
    if not viewer.may_in("case.file", place["unit_id"]):
        raise NotAllowed("Your roles do not allow to file for this unit. Name one of your units in `unit`.")
    if place["fields"] is None:
        raise Invalid(f"There is no case type {data.case_type!r}. Choose one of the desk's types.", "case_type")
    check(place["fields"], data.fields)
