"""How people are looked for in a customer file, and the folder into which one may be dropped."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ombud_crm_csv import folder
from ombud_plugin_api import Context, Settings, Tried

SCHEMA: dict[str, dict[str, Any]] = {
    "country": {
        "type": "string", "regex": "([A-Za-z]{2})?", "default": "",
        "meta": {
            "label": "Country of phone numbers", "placeholder": "PL",
            "help": "Two letters, for numbers written without +48 or the like. Holds for files taken from then on.",
        },
    },
    "reference_fields": {
        "type": "list", "default": [], "schema": {"type": "string", "regex": "[a-z][a-z0-9_]{0,59}"},
        "meta": {
            "label": "Case fields that hold the customer number",
            "help": "Names of own fields of your case types, one a line, such as contract.",
        },
    },
    "folder": {
        "type": "string", "default": "", "maxlength": 500,
        "meta": {
            "label": "Folder on the server", "scope": "deployment", "placeholder": "/srv/customers",
            "help": "Looked into every minute; the newest .csv or .xlsx takes the place of the file before. A folder "
            "in it, called as a unit's key, holds that unit's file. Left empty, files are uploaded.",
        },
    },
}  # fmt: skip


def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Looks into the folder."""
    if not candidate["folder"]:
        return Tried(True, "Customer files are uploaded. No folder is looked into.")
    place = Path(candidate["folder"])
    if not place.is_absolute():
        return Tried(False, "Give the whole path of the folder, from / on.", "folder")
    if not place.is_dir():
        return Tried(False, f"There is no folder {place} on the server. Make it, or correct the path.", "folder")
    if not os.access(place, os.R_OK | os.X_OK):
        return Tried(False, f"The program may not read {place}. Let the user it runs as read it.", "folder")
    found = folder.candidates(place)
    if not found:
        return Tried(True, f"{place} is there and empty. Drop a .csv or .xlsx into it.")
    return Tried(True, f"{place} holds {len(found)} files; {found[0].path.name} is the newest.")


def settings() -> list[Settings]:
    return [Settings(SCHEMA, try_out)]
