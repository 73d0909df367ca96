"""Who gets what, and what happens when nobody answers: profiles of staff, weighing, the next item, escalation."""
