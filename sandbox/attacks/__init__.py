"""Attacks on what an option released, each with its controls."""
