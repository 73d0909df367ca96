"""The names of ways in: core's own, and those that running plugins bring."""

from ombud.kernel.lifecycle import running
from ombud.speech import word

CORE = {
    "api": "API",
    "web": "Web form",
    "desk": "",
    "email": "E-mail",
    "phone": "Telephone",
    "letter": "Letter",
    "in_person": "In person",
    "branch": "Branch",
    "link": "Customer's page",
}
OUT = {"page": "Customer's page"}  # what goes out and never comes in


def channel_label(code: str) -> str:
    """Words for a channel code; the code itself, readable, where its plugin is off."""
    for loaded in running.loaded.values():
        for channel in loaded.channels:
            if channel.key == code:
                return word(channel.label)
    known = CORE | OUT
    return word(known[code]) if code in known else code.replace("_", " ").replace("-", " ").capitalize()
