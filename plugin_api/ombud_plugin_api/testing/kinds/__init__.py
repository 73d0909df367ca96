"""One module a kind: its contract holds the checks that concern plugins of that kind."""
