"""Word that is sent without being asked for: to customers about their case, to members of staff about their work."""
