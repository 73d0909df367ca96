"""Clocks of cases and aspects: started, paused, met, warned of and breached; each reckoned from its own events."""
