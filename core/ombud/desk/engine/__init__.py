"""The rule engine: facts + rule versions + calendar → planned changes. Pure: no I/O, no clock of its own."""
