"""What became of our letters is told to core: posted, come back, withdrawn. Told again until core knows."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ombud_letters import letters
from ombud_letters.letters import Letter
from ombud_letters.settings import zone
from ombud_plugin_api import DeliveryReport, Platform, Refused

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,79}")


def report_of(letter: Letter, local: ZoneInfo) -> DeliveryReport:
    """Pure. The code is a word of few letters; what names the person stands in the text, which core seals."""
    if letter.state == "posted":
        code = letter.post_class if _CODE.fullmatch(letter.post_class) else ""
        words = [letter.post_class, letter.tracking, f"{letter.posted_on:%Y-%m-%d}"]
        return _report("posted", ", ".join(each for each in words if each), letter.posted_on, local, code)
    if letter.state == "returned":
        return _report("bounced", letter.reason, letter.returned_on, local, "returned")
    return DeliveryReport(about="", state="withdrawn", text=letter.reason)


def _report(state: str, text: str, on: date | None, local: ZoneInfo, code: str) -> DeliveryReport:
    noon = datetime.combine(on, time(12), local).astimezone(UTC) if on is not None else None
    return DeliveryReport(about="", state=state, code=code, text=text, at=noon)


async def tell(platform: Platform) -> int:
    """All that core was not told yet; how many. A message that is gone wants no report."""
    told = await letters.unreported()
    for letter in told:
        local = zone(await platform.settings(letter.unit))
        with suppress(Refused):
            await platform.report_delivery(letter.message_id, report_of(letter, local))
        await letters.reported(letter)
    return len(told)
