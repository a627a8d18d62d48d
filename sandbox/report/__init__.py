"""The report: one self-contained HTML page, rendered from evidence alone."""

from sandbox.report.page import render

__all__ = ["render"]
