"""POST /api/v1/complaints: the door for machines. The exact bytes are kept before anything thinks."""

from typing import Annotated, Any

from litestar import Request, post
from litestar.params import HeaderParameter, JSONBody

from ombud.desk import intake
from ombud.desk.api_complaint import ComplaintBody, complaint_of
from ombud.desk.errors import NotAllowed
from ombud.desk.fields import check
from ombud.desk.ground import ground_of
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
    filed = await intake.file(raw, complaint_of(data), principal=viewer.actor, actor=viewer.actor)
    return Filed(reference=filed.reference, track_url=filed.track_url)


async def _check_place(viewer: Viewer, data: ComplaintBody) -> None:
    """The right to file must hold in the unit that gets the case. What is wrong is refused before the receipt is
    stored, so that the key stays free for the corrected body."""
    ground = await ground_of(data.unit, data.case_type, viewer.settled)
    if not viewer.may_in("case.file", ground.unit_id):
        raise NotAllowed("Your roles do not allow to file for this unit. Name one of your units in `unit`.")
    check(ground.fields, data.fields)
