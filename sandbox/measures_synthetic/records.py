"""Records that a released table repeats or comes near to, among members and among people not in it.

A member who is alone with their values is compared with a held-out person whom no member equals:
had the table been made without either, both would be repeated equally often. So what is counted
among held-out people is what an independent sample of the same population repeats by chance.
"""

from collections.abc import Sequence

import numpy as np

from synthetic.margins import Cells, Codes

NEAR = 300
"""Most rows of each side between which distances are taken."""


def keys(codes: Sequence[Codes], places: Sequence[int]) -> Codes:
    """One number per row, equal exactly where rows are equal in the given columns, shape (n,)."""
    key = np.zeros(len(codes[0]), dtype=np.int64)
    for place in places:
        key = key * (int(codes[place].max(initial=0)) + 1) + codes[place]
        key = np.unique(key, return_inverse=True)[1]
    return key


def repeated(
    members: Codes, held_out: Codes, released: Codes, *, once: bool = False
) -> tuple[int, int, int, int]:
    """How many people who are alone with their key the released rows hold.

    Args:
        members: (n,) keys of those whom the option saw.
        held_out: (h,) keys of others.
        released: (m,) keys of released rows.
        once: whether a released key counts only where no other released row has it.

    Returns:
        Members who are alone, those of them repeated, held-out people whom no member equals, those
        of them repeated.
    """
    size = int(max(side.max(initial=0) for side in (members, held_out, released))) + 1
    own, other, made = (np.bincount(side, minlength=size) for side in (members, held_out, released))
    hit = made == 1 if once else made > 0
    strangers = np.where(own == 0, other, 0)
    return (
        int((own == 1).sum()),
        int(((own == 1) & hit).sum()),
        int(strangers.sum()),
        int(strangers[hit].sum()),
    )


def nearer_to_members(
    cells: Sequence[Cells],
    members: Sequence[Codes],
    held_out: Sequence[Codes],
    released: Sequence[Codes],
    rng: np.random.Generator,
) -> tuple[float, int]:
    """Released rows whose nearest record is a member rather than one of as many held-out people.

    Distance is Gower's (1971): unequal labels count 1, numbers their distance over the range.

    Returns:
        How many, ties counting half, and of how many.
    """
    most = min(len(members[0]), len(held_out[0]), NEAR)
    if most == 0 or len(released[0]) == 0:
        return 0.0, 0
    own, other = (_some(side, most, rng) for side in (members, held_out))
    made = _some(released, min(NEAR, len(released[0])), rng)
    near, far = (_distances(cells, made, side).min(axis=1) for side in (own, other))
    return float((near < far).sum() + (near == far).sum() / 2), len(near)


def _some(side: Sequence[Codes], most: int, rng: np.random.Generator) -> list[Codes]:
    chosen = rng.choice(len(side[0]), most, replace=False)
    return [each[chosen] for each in side]


def _distances(cells: Sequence[Cells], one: Sequence[Codes], other: Sequence[Codes]) -> np.ndarray:
    total = np.zeros((len(one[0]), len(other[0])))
    for each, a, b in zip(cells, one, other, strict=True):
        if each.column.numeric:
            missing = (a[:, None] == each.size - 1) != (b == each.size - 1)
            gap = np.abs(a[:, None] - b) / max(1, each.size - 2)
            total += np.where(missing, 1.0, gap)
        else:
            total += a[:, None] != b
    return np.round(total, 9)
