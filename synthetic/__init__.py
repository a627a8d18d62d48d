"""Synthetic data: tables drawn from models fitted inside a force."""
