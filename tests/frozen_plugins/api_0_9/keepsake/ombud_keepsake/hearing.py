"""What is done about an event."""

from uuid import UUID

from ombud_plugin_api import Event, Platform

from ombud_keepsake.tables import Heard


async def hear(event: Event, platform: Platform) -> None:
    chosen = await platform.settings()
    async with platform.transaction():
        heard = Heard(event=event.id, case_id=UUID(event.stream.removeprefix("case/")), days=chosen["days"])
        await Heard.insert(heard).on_conflict(action="DO NOTHING")
