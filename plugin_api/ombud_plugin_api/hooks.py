"""pluggy's markers for the project `ombud`."""

import pluggy

PROJECT = "ombud"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
