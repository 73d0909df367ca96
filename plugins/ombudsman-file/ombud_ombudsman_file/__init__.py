"""The file of a complaint for an ombudsman."""
