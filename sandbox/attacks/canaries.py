"""Guesses about canaries whose membership a coin decided, and the least epsilon that explains them.

Theorem 5.2 of Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run" (NeurIPS
2023). A bound below a claim proves nothing; a bound above it refutes the claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, logit
from scipy.stats import binom

from minimisation import PrivacyLoss
from sandbox.attacks.attack import Array

Flags = npt.NDArray[np.bool_]

CONFIDENCE = 0.99
"""Confidence of every lower bound: one honest option in a hundred may be accused."""

SHARES = (1.0, 0.2)
"""Shares of the canaries that are guessed about, the surest first."""

SEEN = 0.8
"""Chance with which a violation is to be found out."""

REFUTED = "; THE CLAIM IS REFUTED"
"""How the note of a bound above its claim ends."""

HIGHEST = 32.0
"""Bounds are searched up to this epsilon."""


def one_run_bound(
    *, canaries: int, guesses: int, right: int, delta: float = 0.0, confidence: float = CONFIDENCE
) -> float:
    """The least epsilon that right guesses about canaries allow; 0 if guessing explains them.

    Args:
        canaries: people whose membership was drawn by a fair coin each.
        guesses: how many of them were guessed about.
        right: right guesses.
        delta: of the claim.
        confidence: of the bound.

    Raises:
        ValueError: unless 0 ≤ right ≤ guesses ≤ canaries.
    """
    if not 0 <= right <= guesses <= canaries:
        msg = f"right ({right}) must be at most guesses ({guesses}), those at most canaries"
        raise ValueError(f"{msg} ({canaries})")
    level = 1 - confidence
    if right == 0 or _chance(0.0, canaries, guesses, right, delta) >= level:
        return 0.0
    low, high = 0.0, HIGHEST
    for _ in range(40):
        middle = (low + high) / 2
        if _chance(middle, canaries, guesses, right, delta) < level:
            low = middle
        else:
            high = middle
    return low


def _chance(epsilon: float, canaries: int, guesses: int, right: int, delta: float) -> float:
    """The most that a private mechanism could make of the chance of so many right guesses."""
    fair = 1 / (1 + np.exp(-epsilon))
    tail = float(binom.sf(right - 1, guesses, fair))
    if delta == 0:
        return tail
    steps = np.arange(1, right + 1)
    heaped = np.cumsum(binom.pmf(right - steps, guesses, fair))
    return min(tail + 2 * canaries * delta * float((heaped / steps).max()), 1.0)


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """What an attacker guessed of the coins of canaries."""

    canaries: int
    """Canaries, each there with chance one half."""
    guesses: int
    """How many of them were guessed about, the surest at either end."""
    right: int
    """Right guesses."""
    anew: int
    """Right guesses about coins drawn anew, which nothing can tell."""


def guess(scores: Array, there: Flags, rng: np.random.Generator) -> list[Guesses]:
    """Guesses about the surest canaries, for each of `SHARES`.

    Args:
        scores: (n,) how sure the attacker is that each canary is there.
        there: (n,) whether it is.
        rng: breaks ties and draws the control's coins.
    """
    order = np.lexsort((rng.random(len(there)), scores))
    anew = rng.random(len(there)) < 0.5  # noqa: PLR2004 - a fair coin
    found = []
    for share in SHARES:
        half = int(share * len(there)) // 2
        low, high = order[:half], order[len(order) - half :]
        right, control = (int((~coins[low]).sum() + coins[high].sum()) for coins in (there, anew))
        found.append(Guesses(canaries=len(there), guesses=2 * half, right=right, anew=control))
    return found


def largest(found: Sequence[Guesses], delta: float, *, anew: bool = False) -> float:
    """The largest lower bound on epsilon over all of them; the confidence covers them together.

    Args:
        found: what was guessed.
        delta: of the claim.
        anew: whether of the coins drawn anew, of which every bound above 0 is a fault.
    """
    return max(
        one_run_bound(
            canaries=each.canaries,
            guesses=each.guesses,
            right=each.anew if anew else each.right,
            delta=delta,
            confidence=_shared(found),
        )
        for each in found
    )


def least_refutable(found: Sequence[Guesses], claim: PrivacyLoss) -> float:
    """The least epsilon whose falsity of claim so many guesses find out four times in five.

    It is of an option that tells each canary as clearly as its epsilon allows (randomised
    response); of one that tells less clearly more is needed.
    """
    return min(_refutable(each, claim, 1 - _shared(found)) for each in found)


def _refutable(found: Guesses, claim: PrivacyLoss, level: float) -> float:
    tries = found.guesses
    low, high = 0, tries + 1
    while low < high:  # fewest right guesses that refute the claim
        right = (low + high) // 2
        enough = right > 0 and (
            right > tries
            or _chance(claim.epsilon, found.canaries, tries, right, claim.delta) < level
        )
        low, high = (low, right) if enough else (right + 1, high)
    if low > tries:
        return float("inf")
    return float(logit(betaincinv(low, tries - low + 1, SEEN)))


def _shared(found: Sequence[Guesses]) -> float:
    return 1 - (1 - CONFIDENCE) / len(found)
