"""Matches people across forces without pooling their identities (form 5.7)."""
