"""Keeps notes on cases, hears of new ones, takes complaints in."""
