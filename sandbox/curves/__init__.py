"""How much data is needed: usefulness against columns kept and people kept, beside the floor.

Curves are worked out inside the assessment, from sums that add up over forces; no row is pooled.
"""
