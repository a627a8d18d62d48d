"""Benchmarks of the analytics core on ordinary processors."""
