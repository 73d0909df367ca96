"""What an Ombud plugin may import. Everything named here is promised; nothing else of Ombud is."""

from ombud_plugin_api.crm import (
    ClosedAspect,
    ClosedCase,
    Crm,
    Datum,
    PersonHints,
    PersonMatch,
    Recorded,
)
from ombud_plugin_api.errors import Misconfigured, Permanent, PluginFault, Transient
from ombud_plugin_api.events import Event
from ombud_plugin_api.facts import (
    AspectView,
    CaseView,
    Complaint,
    CustomerAspect,
    CustomerCase,
    CustomerMessage,
    Document,
    DocumentView,
    Filed,
    LinkView,
    Matter,
    PersonGiven,
    RawReceipt,
)
from ombud_plugin_api.hooks import hookimpl
from ombud_plugin_api.manifest import Manifest, ManifestError, read_manifest
from ombud_plugin_api.platform import BadLink, Conflict, Context, Pages, Platform, Refused, TooMany
from ombud_plugin_api.providers import (
    Channel,
    Command,
    DemoData,
    DemoPerson,
    Fill,
    Job,
    NavItem,
    Permission,
    Settings,
    Tried,
)
from ombud_plugin_api.slots import SLOTS
from ombud_plugin_api.tables import CoreRef

API_VERSION = "0.9.0"

__all__ = [
    "API_VERSION",
    "SLOTS",
    "AspectView",
    "BadLink",
    "CaseView",
    "Channel",
    "ClosedAspect",
    "ClosedCase",
    "Command",
    "Complaint",
    "Conflict",
    "Context",
    "CoreRef",
    "Crm",
    "CustomerAspect",
    "CustomerCase",
    "CustomerMessage",
    "Datum",
    "DemoData",
    "DemoPerson",
    "Document",
    "DocumentView",
    "Event",
    "Filed",
    "Fill",
    "Job",
    "LinkView",
    "Manifest",
    "ManifestError",
    "Matter",
    "Misconfigured",
    "NavItem",
    "Pages",
    "Permanent",
    "Permission",
    "PersonGiven",
    "PersonHints",
    "PersonMatch",
    "Platform",
    "PluginFault",
    "RawReceipt",
    "Recorded",
    "Refused",
    "Settings",
    "TooMany",
    "Transient",
    "Tried",
    "hookimpl",
    "read_manifest",
]
