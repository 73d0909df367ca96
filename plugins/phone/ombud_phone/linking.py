"""Which case a recording belongs to: by the telephony system's name for the call, else by number and time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from ombud_phone import calls, recordings
from ombud_phone.calls import Call
from ombud_phone.recordings import Recording
from ombud_plugin_api import Platform

WINDOW = timedelta(hours=3)  # between a call that was written down and its recording


async def announce(call: Call) -> None:
    """The pauses that the agent noted are kept for the recording that comes later."""
    if not call.body.pauses:
        return
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    pauses = [[begin, end or moment] for begin, end in call.body.pauses]
    await recordings.announce(
        call.unit, call.body.system_call or f"call/{call.id}", call.number, call.started_at, pauses
    )


async def attach_waiting(platform: Platform, call: Call, case_id: UUID, reference: str) -> None:
    """Recordings that came before the case was there."""
    for each in await recordings.waiting(call.number, call.body.system_call, call.started_at, WINDOW):
        await attach(platform, each, case_id, reference)


async def find_case(recording: Recording) -> tuple[UUID, str] | None:
    """The one case its call led to; None where there is none, or more than one."""
    found = await calls.cases_of(recording.number, recording.system_call, recording.started_at, WINDOW)
    return found[0] if len(found) == 1 else None


async def attach(platform: Platform, recording: Recording, case_id: UUID, reference: str) -> None:
    if await recordings.attach(recording.id, case_id, reference):
        await tell(platform, recording, case_id)


async def tell(platform: Platform, recording: Recording, case_id: UUID) -> None:
    """The case's history says that a recording is kept, and on what basis."""
    body: dict[str, str | int | bool] = {
        "recording": str(recording.id), "seconds": recording.seconds, "basis": recording.basis
    }  # fmt: skip
    await platform.record(case_id, "phone.recording_kept", body)
