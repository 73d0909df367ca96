"""Who looked at which case, emergency access, and why somebody sees what they see."""
