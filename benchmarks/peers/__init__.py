"""Peers, each measured in an environment of its own by a file that imports nothing of the package.

A peer's modules are loaded by name: they are measured here and no part of what the package needs.
"""
