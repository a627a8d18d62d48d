"""Masks: what the server sees of one turn tells it the total and no part."""

import numpy as np
import pytest
from scipy.stats import chisquare

from federated import masks
from federated.fixed_point import FixedPoint
from federated.record import Record
from minimisation import PolicyError
from tests.federated.secure_server import Words


def transcript(parts: tuple[int, int, int], *, seeded: bool = True) -> Words:
    """What the server sees of one turn without any crypto cost: masked parts, own masks off."""
    encoding = FixedPoint(limits=(2.0**20,), parties=3)
    keys = [masks.new_private_key() for _ in parts]
    sent = []
    for own, part in enumerate(parts):
        total = encoding.encode(np.array([float(part)]))
        for other, key in enumerate(keys):
            if other != own and seeded:
                shared = masks.shared_key(keys[own], masks.public_key(key), b"turn")
                mask = masks.stream(shared, 1)
                total = total + mask if own < other else total - mask
        sent.append(total[0])
    return np.array(sent)


def low_bits(parts: tuple[int, int, int], *, seeded: bool, runs: int = 400) -> list[int]:
    """How often each value of the last three bits of the first force's message was seen."""
    seen = [int(transcript(parts, seeded=seeded)[0]) for _ in range(runs)]
    place = FixedPoint(limits=(2.0**20,), parties=3).fractions[0]
    return np.bincount([(word >> int(place)) % 8 for word in seen], minlength=8).tolist()


def test_given_the_total_a_forces_message_does_not_tell_its_part() -> None:
    # the same total, once with 5 and once with 900,000 at the first force
    for parts in ((5, 500_000, 400_000), (900_000, 1, 4)):
        assert chisquare(low_bits(parts, seeded=True)).pvalue > 1e-6
    first, second = transcript((5, 500_000, 400_000)), transcript((900_000, 1, 4))
    assert first.sum(dtype=np.uint64) == second.sum(dtype=np.uint64)


def test_without_pairwise_masks_a_forces_message_tells_its_part() -> None:
    counts = low_bits((5, 500_000, 400_000), seeded=False)
    assert counts == [0, 0, 0, 0, 0, 400, 0, 0]


def test_a_stream_is_that_of_rfc_8439() -> None:
    # Section 2.3.2 in the layout of a 64-bit counter: key 0, nonce 0, first block of appendix A.1
    assert masks.octets(masks.stream(bytes(32), 2)).hex() == "76b8e0ada0f13d90405d6ae55386bd28"


def test_a_record_needs_a_session() -> None:
    record = Record(memory={}, purpose="p")
    with pytest.raises(PolicyError, match="opened last"):
        record.key_of(b"session")
    with pytest.raises(PolicyError, match="accepted"):
        _ = record.offers
    with pytest.raises(PolicyError, match="never unmasked"):
        _ = record.statement
