"""Working beside each other: who is here, who has claimed what, drafts, merged changes, news to open pages."""
