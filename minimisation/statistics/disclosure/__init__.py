"""Disclosure control as analysts use it today: no epsilon, and no promise against a next table."""
