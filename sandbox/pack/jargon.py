"""Words that a reader without prior knowledge does not know, or that promise too much.

The pack's own sentences are held to this list by its tests; names of options and versions are not
sentences.
"""

import re
from collections.abc import Iterator

from sandbox.pack.document import Document
from sandbox.pack.pieces import pieces

WORDS = {
    "anonymised": "say what was done; whether nobody can be told is not for a tool to say",
    "anonymous": "as above",
    "anonymity score": "no combined score",
    "privacy score": "no combined score",
    "proportionality score": "no combined score",
    "compliant": "a legal conclusion",
    "complies": "a legal conclusion",
    "excessively": "a legal conclusion",
    "lawful basis is": "a legal conclusion",
    "hyperparameter": "setting",
    "p-value": "interval",
    "ROC": "ranking",
    "logit": "log-odds",
    "heteroscedastic": "uneven",
    "posterior": "belief afterwards",
    "overfit": "learnt by heart",
    "classifier": "model",
    "ground truth": "what was recorded",
    "data minimisation principle": "Part 3 says adequate, relevant and not excessive",
    "right to object": "not a right under Part 3",
    "portability": "not a right under Part 3",
    "leverage": "use",
    "utilise": "use",
    "going forward": "from now on",
}
"""Word → what to write instead, or why not at all."""


def found(document: Document) -> Iterator[tuple[str, str]]:
    """Anchor and word of every use in the pack's generated text."""
    for piece in pieces(document):
        for word in WORDS:
            flags = 0 if word.isupper() else re.IGNORECASE
            if re.search(rf"\b{re.escape(word)}\b", piece.text, flags):
                yield piece.anchor, word
