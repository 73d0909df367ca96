"""What the form gives to core."""

from collections.abc import Sequence
from typing import Any

from ombud_plugin_api import Channel, Event, Job, PersonalData, Platform, Settings, hookimpl
from ombud_webform import sending, unsent
from ombud_webform import settings as chosen
from ombud_webform.channel import FormChannel
from ombud_webform.pages import handlers
from ombud_webform.sweeping import sweep


@hookimpl
def provide_pages() -> Sequence[Any]:
    return handlers


@hookimpl
def provide_channels() -> list[Channel]:
    return [FormChannel()]


@hookimpl
def provide_settings() -> list[Settings]:
    return chosen.settings()


@hookimpl
def provide_personal_data() -> list[PersonalData]:
    return unsent.personal_data()


@hookimpl
def provide_jobs() -> list[Job]:
    return [Job("sweep", sweep)]


@hookimpl
async def on_event(event: Event, platform: Platform) -> None:
    await sending.finish_interrupted(event, platform)
