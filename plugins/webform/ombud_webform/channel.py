"""The form as a way in: core asks it what stored bytes mean."""

from ombud_plugin_api import Complaint, RawReceipt
from ombud_webform import complaint


class FormChannel:
    key = complaint.CHANNEL
    label = "Complaint form"
    icon = "message-report"

    def parse(self, raw: RawReceipt) -> Complaint:
        return complaint.read(raw)
