"""How a unit reaches Salesforce, who is found there and what is written back; and a try that really connects."""

import asyncio
from collections.abc import Mapping
from typing import Any

from ombud_plugin_api import Context, Misconfigured, PluginFault, Settings, Tried
from ombud_salesforce import login, people, soql
from ombud_salesforce.connection import Connection, connected

TRY_SECONDS, TRY_REQUEST = 9.0, 4.0
_LOGIN, _WHO, _BACK = "Connection", "Who is found", "Written back at closure"

SCHEMA: dict[str, dict[str, Any]] = {
    "login_url": {
        "type": "string", "required": True, "default": "https://login.salesforce.com", "maxlength": 200,
        "meta": {
            "label": "Login address", "group": _LOGIN, "placeholder": "https://login.salesforce.com",
            "help": "https://test.salesforce.com for a sandbox, or your own https://….my.salesforce.com.",
        },
    },
    "flow": {
        "type": "string", "allowed": ["jwt", "refresh"], "default": "jwt",
        "meta": {
            "label": "How to log in", "group": _LOGIN,
            "choices": {"jwt": "Signed with a key (JWT bearer)", "refresh": "Refresh token"},
        },
    },
    "client_id": {
        "type": "string", "maxlength": 300, "default": "",
        "meta": {"label": "Consumer key", "group": _LOGIN,
                 "help": "Of the connected app. Left empty, Salesforce is not used."},
    },
    "username": {
        "type": "string", "maxlength": 200, "default": "",
        "meta": {"label": "User name", "group": _LOGIN, "help": "Only for a login signed with a key."},
    },
    "private_key": {
        "type": "string", "maxlength": 10_000,
        "meta": {
            "label": "Private key", "group": _LOGIN, "secret": True,
            "help": "RSA, PEM, without a passphrase; it may be one line. The app holds its certificate.",
        },
    },
    "client_secret": {
        "type": "string", "maxlength": 500,
        "meta": {"label": "Consumer secret", "group": _LOGIN, "secret": True,
                 "help": "Only for a refresh token, where the app asks for it."},
    },
    "refresh_token": {
        "type": "string", "maxlength": 1000, "meta": {"label": "Refresh token", "group": _LOGIN, "secret": True},
    },
    "api_version": {
        "type": "string", "required": True, "regex": r"[2-9][0-9]\.0", "default": "62.0",
        "meta": {"label": "API version", "group": _LOGIN},
    },
    "country": {
        "type": "string", "regex": "([A-Za-z]{2})?", "default": "",
        "meta": {"label": "Country of phone numbers", "group": _WHO, "placeholder": "PL",
                 "help": "Two letters, for numbers written without +48 or the like."},
    },
    "reference_field": {
        "type": "string", "regex": f"({soql.FIELD.pattern})?", "default": "",
        "meta": {"label": "Field of the customer number", "group": _WHO, "placeholder": "Account.AccountNumber",
                 "help": "Of Contact, or of its Account. Left empty, nobody is found by number."},
    },
    "case_fields": {
        "type": "list", "default": [], "schema": {"type": "string", "regex": "[a-z][a-z0-9_]{0,59}"},
        "meta": {"label": "Case fields that hold the customer number", "group": _WHO,
                 "help": "Names of own fields of your case types, one a line, such as contract."},
    },
    "write_object": {
        "type": "string", "regex": f"({soql.OBJECT.pattern})?", "default": "",
        "meta": {"label": "Object", "group": _BACK, "placeholder": "Case",
                 "help": "Such as Case, Task or an object of your own. Left empty, nothing is written."},
    },
    "write_key_field": {
        "type": "string", "regex": f"({soql.OBJECT.pattern})?", "default": "",
        "meta": {"label": "Field of our key", "group": _BACK, "placeholder": "Ombud_Key__c",
                 "help": "Text, 60 characters, external id and unique: so nothing is ever written twice."},
    },
    "write_subject_field": {
        "type": "string", "regex": f"({soql.OBJECT.pattern})?", "default": "Subject",
        "meta": {"label": "Field of the heading", "group": _BACK},
    },
    "write_text_field": {
        "type": "string", "regex": f"({soql.OBJECT.pattern})?", "default": "Description",
        "meta": {"label": "Field of the text", "group": _BACK},
    },
    "write_contact_field": {
        "type": "string", "regex": f"({soql.OBJECT.pattern})?", "default": "ContactId",
        "meta": {"label": "Field of the contact", "group": _BACK,
                 "help": "WhoId for a Task. Filled where a colleague chose who the complainant is."},
    },
    "hosts": {
        "type": "list", "default": [], "schema": {"type": "string", "regex": r"[a-z0-9.-]+(:[0-9]{1,5})?"},
        "meta": {"label": "Further hosts", "scope": "deployment", "group": "For the whole desk",
                 "help": "Hosts beside Salesforce's own to which a login may be sent, one a line."},
    },
    "share": {
        "type": "integer", "required": True, "min": 1, "max": 100, "default": 80,
        "meta": {"label": "Stop reading at", "suffix": "% of the day's requests", "scope": "deployment",
                 "group": "For the whole desk",
                 "help": "So that the rest is left to others; closures are written all the same."},
    },
}  # fmt: skip


def in_use(settings: Mapping[str, Any]) -> bool:
    return login.is_set_up(settings)


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Logs in, and looks whether the named fields are there; says in plain words what is wrong."""
    if not (candidate["client_id"] or "").strip():
        return Tried(True, "Without a consumer key Salesforce is not used.")
    try:
        account = login.account_of(candidate)
    except Misconfigured as problem:
        return Tried(False, str(problem), "login_url" if "address" in str(problem) or "host" in str(problem) else "")
    try:
        async with asyncio.timeout(TRY_SECONDS), connected(account, TRY_REQUEST) as there:
            await there.log_in(anew=True)
            return await _looked(there, candidate)
    except TimeoutError:
        return Tried(
            False, "Salesforce did not answer in time. Try again; if it stays so, look at the network.", "login_url"
        )
    except PluginFault as problem:
        return Tried(False, str(problem))


async def _looked(there: Connection, candidate: Mapping[str, Any]) -> Tried:
    people.check_names(candidate)
    if candidate["reference_field"]:
        owner, _, name = candidate["reference_field"].rpartition(".")
        if name not in await _fields(there, owner or "Contact"):
            words = f"{owner or 'Contact'} has no field {name} that the user may see."
            return Tried(False, words, "reference_field")
    if candidate["write_object"]:
        if not candidate["write_key_field"]:
            return Tried(
                False, "Name the field that holds our key, so that nothing is written twice.", "write_key_field"
            )
        return await _looked_at_writing(there, candidate)
    return Tried(True, f"Logged in at {there.instance}. Nothing is written back at closure.")


async def _looked_at_writing(there: Connection, candidate: Mapping[str, Any]) -> Tried:
    target = candidate["write_object"]
    fields = await _fields(there, target)
    key = fields.get(candidate["write_key_field"])
    if key is None:
        return Tried(
            False, f"{target} has no field {candidate['write_key_field']} that the user may see.", "write_key_field"
        )
    if not key.get("externalId") or not key.get("unique"):
        words = "is no external id, or not unique. Tick both in its definition, else a closure could be written twice"
        return Tried(False, f"{candidate['write_key_field']} {words}.", "write_key_field")
    for name in ("write_subject_field", "write_text_field", "write_contact_field"):
        if candidate[name] and candidate[name] not in fields:
            return Tried(False, f"{target} has no field {candidate[name]} that the user may see.", name)
    return Tried(True, f"Logged in at {there.instance}. Closures are written to {target}.")


async def _fields(there: Connection, target: str) -> dict[str, dict[str, Any]]:
    described = await there.get(f"/sobjects/{target}/describe")
    fields = described.get("fields") if isinstance(described, dict) else None
    return {str(each.get("name")): each for each in fields or [] if isinstance(each, dict)}


def settings() -> list[Settings]:
    return [Settings(SCHEMA, try_out)]
