"""Rules that run: versions with dates, the work process that follows them, shadow and replay."""
