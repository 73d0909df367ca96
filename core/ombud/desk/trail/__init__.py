"""What happened, in plain words: the ledger, a case's history, its timeline, a person's."""
