"""Complaints that come through the Consumer Financial Protection Bureau, and the responses to them."""
