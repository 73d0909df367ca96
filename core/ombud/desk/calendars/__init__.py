"""When a unit works: hours of each weekday, holidays and exceptions of its own, in versions that never change."""
