"""The shape that a label of open text must have before it may ever be shown.

A label leaves a force as it was written, so it is short, has no control or invisible formatting
characters (which could forge a line of a log, or the order in which a line is read), and is spelled
in one way (Unicode normal form C), so that forces that write it differently still agree on it.
"""

from minimisation.contract.domains import OpenText

UNFIT = r"[\p{C}\p{Zl}\p{Zp}]"
"""RE2 pattern of control, formatting and private characters and of line separators."""


def label_sql(text: str, domain: OpenText) -> str:
    """SQL of the label that an expression of text holds; null where it has none that is fit."""
    label = f"nfc_normalize(trim(cast({text} as varchar)))"
    return f"case when not ({unfit_sql(label, domain)}) then nullif({label}, '') end"


def unfit_sql(text: str, domain: OpenText) -> str:
    """SQL: whether a text could not be shown."""
    return f"length({text}) > {domain.longest} or regexp_matches({text}, '{UNFIT}')"
