"""The frozen plugins' own tests run where they are installed from their wheels, not here."""

collect_ignore_glob = ["api_*"]
