"""Draws that any thread count and any machine repeats: MD5 of seed, stream and counter (RFC 1321).

One hash gives 64 bits, cut into four parts of 16; every decision compares integers. Each function
returns the text of one SQL expression, except `mix_sql`, which returns a table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SLOTS = 1000
"""Resolution of a mix: labels get whole per-mille shares."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Shares of labels, for one force or (force −1) for all of them."""

    what: str
    """What is mixed, such as `ethnicity`."""
    force: int
    """Position of the force in `FORCES`, or −1."""
    labels: Sequence[str]
    """The labels; their positions are what the SQL works with."""
    weights: Sequence[int]
    """One whole weight per label; shares are weights over their sum."""

    def ranges(self) -> Iterable[tuple[int, int, int]]:
        """Label position and the half-open range of slots that it owns."""
        total, below = sum(self.weights), 0
        for position, weight in enumerate(self.weights):
            low, below = below, below + weight
            yield position, low * SLOTS // total, below * SLOTS // total


def draw(seed: int, stream: str, counter: str) -> str:
    """64 bits that depend on the seed, the stream's name and a counter column."""
    return f"md5_number_lower('{int(seed)}|{stream}|' || ({counter}))"


def part(bits: str, index: int) -> str:
    """Sixteen of the 64 bits as an INTEGER in 0..65535; `index` is 0 to 3."""
    return f"(({bits} >> {16 * index}) & 65535)::INTEGER"


def whole(bits: str, index: int, below: int | str) -> str:
    """A whole number in 0..below−1, evenly spread; `below` up to 32,767."""
    return f"(({part(bits, index)} * ({below})) >> 16)::INTEGER"


def slot(bits: str, index: int) -> str:
    """A slot of a mix, 0..999."""
    return whole(bits, index, SLOTS)


def happens(bits: str, index: int, per_mille: int | str) -> str:
    """True for `per_mille` in a thousand."""
    return f"({slot(bits, index)} < {per_mille})"


def heavy(bits: str, index: int, per_mille: int | str, most: int) -> str:
    """A heavy-tailed count: P(count ≥ x) is about per_mille / 1000 / x, up to `most`."""
    scale = f"(65536 * {per_mille} // 1000)"
    return f"least({most}, {scale} // ({part(bits, index)} + 1))::INTEGER"


def pick(what: str, force: str, at: str) -> str:
    """JOIN clause that gives `what.number` and `what.label` for a slot of a force's mix."""
    name = what.replace(" ", "_")
    return (
        f"JOIN mix AS {name} ON {name}.what = '{what}' "
        f"AND {name}.force_no = {force} AND {name}.slot = {at}"
    )


def among(labels: Sequence[str], position: str) -> str:
    """The label at a zero-based position of a fixed list."""
    quoted = ", ".join("'" + label.replace("'", "''") + "'" for label in labels)
    return f"([{quoted}])[{position} + 1]"


def scrambled(number: str, order: int, width: int) -> str:
    """A number as fixed-width hexadecimal text, one-to-one and in no visible order.

    Args:
        number: a BIGINT expression in [0, 16**width).
        order: any whole number; different ones give different scrambles.
        width: hexadecimal digits, at most 10, so that the product stays within 63 bits.
    """
    # Both steps can be undone (an odd multiplier modulo a power of two; folding the upper half
    # onto the lower), so no two numbers collide; together they hide the order of counting.
    multiplier = (2 * order + 1) * 40_503 % 4_194_304 | 1
    spread = f"(({number})::BIGINT * {multiplier} % {16**width})"
    folded = f"xor({spread}, {spread} >> {2 * width})"
    return f"to_base({folded} * {multiplier} % {16**width}, 16, {width})"


def mix_sql(mixes: Iterable[Mix]) -> str:
    """Every mix as rows (what, force_no, slot, number, label), one per slot."""
    rows = [
        f"('{mix.what}', {mix.force}, {position}, '{mix.labels[position]}', {low}, {high})"
        for mix in mixes
        for position, low, high in mix.ranges()
        if high > low
    ]
    return (
        "SELECT what, force_no::INTEGER AS force_no, unnest(range(low, high))::INTEGER AS slot, "
        "number::INTEGER AS number, label "
        f"FROM (VALUES {', '.join(rows)}) AS owned(what, force_no, number, label, low, high)"
    )
