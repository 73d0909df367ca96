"""What the plugin gives core."""

from ombud_ombudsman_file.profile import cover, missing, recipient
from ombud_ombudsman_file.settings import SCHEMA
from ombud_plugin_api import CaseFileFormat, Manifest, Settings, hookimpl

VERSION = "1"  # of cover and checks; raise it when the same case may give another cover


@hookimpl
def provide_case_files(manifest: Manifest) -> list[CaseFileFormat]:
    return [CaseFileFormat("ombudsman-file", "Ombudsman's file", VERSION, recipient, cover, missing)]


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings(SCHEMA)]
