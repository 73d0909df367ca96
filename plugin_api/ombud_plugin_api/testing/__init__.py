"""The conformance kit: what a plugin promises, tried on a whole desk (`pip install ombud-plugin-api[testing]`)."""

from ombud_plugin_api.testing.checks import TIERS, Broken, Check, Contract, NotTried, check
from ombud_plugin_api.testing.contract import PluginContract
from ombud_plugin_api.testing.stage import Marked, Received, Route, Stage, Statement, Watched
from ombud_plugin_api.testing.subject import Subject, subject_of

__all__ = [
    "TIERS", "Broken", "Check", "Contract", "Marked", "NotTried", "PluginContract", "Received", "Route", "Stage",
    "Statement", "Subject", "Watched", "check", "subject_of",
]  # fmt: skip
