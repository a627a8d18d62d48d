"""The secure sum: exactly the plain sum, and nothing that would show one force's part of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from federated import masks
from federated.fixed_point import FixedPoint
from federated.grid import in_process
from federated.layout import NO_NUMBERS, ClientStep, SummedStep
from federated.record import Record, peer
from federated.secure_grid import secure_grid
from federated.secure_session import AcceptRoster, OfferKey, Session
from federated.secure_sum import MaskedSums, RevealMask, unmask
from minimisation import Forces, PayloadKind, PolicyError, UseCase

OpenForces = Callable[..., Forces]
Words = np.ndarray[Any, np.dtype[np.uint64]]


class Server:
    """A server that follows the protocol one message at a time, or does not."""

    def __init__(
        self, forces: Forces, step: SummedStep, roster: tuple[str, ...], number: str
    ) -> None:
        self.forces = forces
        self.session = Session(roster=roster, number=number)
        self.sums = MaskedSums(session=self.session, step=step, most_people=2**20)
        self.sent: dict[str, Words] = {}
        self.receipts: dict[str, Words] = {}
        self.offers: dict[str, Words] = {}

    def one(self, step: ClientStep, force: str, values: Mapping[str, Any]) -> dict[str, Any]:
        case = self.forces.use_case
        inputs = step.takes(case).table(values)
        sent = self.forces.ask(step, inputs=inputs, to=[force]).complete()[force]
        return step.gives(case).values(sent)

    def offer(self, *forces: str) -> None:
        for force in forces or self.session.roster:
            self.offers[force] = self.one(OfferKey(session=self.session), force, {})["offer"]

    def accept(self, *forces: str) -> None:
        offers = np.stack([self.offers[name] for name in self.session.roster])
        for force in forces or self.session.roster:
            self.one(AcceptRoster(session=self.session), force, {"offer": offers})

    def turn(self, number: int, *forces: str) -> None:
        for force in forces or self.session.roster:
            found = self.one(self.sums, force, {"server-round": number})
            self.sent[force], self.receipts[force] = found["masked"], found["receipt"]

    def reveal(self, *forces: str) -> list[bytes]:
        receipts = np.stack([self.receipts[name] for name in self.session.roster])
        step = RevealMask(session=self.session)
        return [
            masks.octets(self.one(step, force, {"receipts": receipts})["seed"])
            for force in forces or self.session.roster
        ]

    def total(self, seeds: list[bytes]) -> np.ndarray[Any, Any]:
        sent = [self.sent[name] for name in self.session.roster]
        return self.sums.encoding(self.forces.use_case).decode(unmask(sent, seeds))


@pytest.fixture
def four(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> Iterator[Forces]:
    """Four forces of 400, 400, 400 and 37 people, opened."""
    records = outcome_records | {"dunmore": outcome_records["ashmere"].slice(0, 37)}
    with open_forces(outcome_use_case, records, held_out=0.0) as forces:
        yield forces


ALL = ("ashmere", "brackley", "coldharbour", "dunmore")
WITHOUT_ONE = ALL[:3]


def test_the_total_is_exactly_the_plain_total(four: Forces, two_counts: SummedStep) -> None:
    server = Server(four, two_counts, ALL, "1")
    server.offer()
    server.accept()
    server.turn(1)
    total = server.total(server.reveal())
    plain = four.ask(two_counts, inputs=NO_NUMBERS.table({})).complete().values()
    assert total.tolist() == sum(np.asarray(sent["value"]) for sent in plain).tolist()
    assert total[0] == 1237


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(-(2**40), 2**40), min_size=4, max_size=4), min_size=3, max_size=6)
)
def test_integers_add_up_without_any_error(rows: list[list[int]]) -> None:
    encoding = FixedPoint(limits=(2.0**40,) * 4, parties=len(rows))
    total = sum((encoding.encode(np.array(row, dtype=float)) for row in rows), np.uint64(0))
    assert encoding.decode(np.asarray(total)).tolist() == np.sum(rows, axis=0).tolist()


@given(st.floats(1e-6, 1e12), st.integers(1, 50), st.sampled_from([-1.0, 1.0]))
def test_a_total_at_its_limit_does_not_wrap(limit: float, parties: int, sign: float) -> None:
    encoding = FixedPoint(limits=(limit,), parties=parties)
    one = encoding.encode(np.array([sign * limit]))
    total = encoding.decode(one * np.uint64(parties))
    exact = sign * limit * parties
    assert abs(total[0] - exact) <= encoding.resolution[0] + abs(exact) * 2**-52


def test_one_more_binary_place_could_wrap() -> None:
    encoding = FixedPoint(limits=(1.0,), parties=4)
    finer = np.ldexp(np.array([1.0]), encoding.fractions + 2).astype(np.int64)
    assert encoding.fractions.tolist() == [60]
    with np.errstate(over="ignore"):
        assert (finer * 4)[0] <= 0


@pytest.mark.parametrize("number", [np.nan, np.inf, 1.0000001, -2.0])
def test_a_number_beyond_its_public_limit_is_not_sent(number: float) -> None:
    with pytest.raises(PolicyError, match="public limit"):
        FixedPoint(limits=(1.0,), parties=3).encode(np.array([number]))


def test_every_pair_of_masks_cancels_and_a_single_one_does_not(
    four: Forces, two_counts: SummedStep
) -> None:
    server = Server(four, two_counts, ALL, "1")
    server.offer()
    server.accept()
    server.turn(1)
    seeds = server.reveal()
    encoding = server.sums.encoding(four.use_case)
    alone = encoding.decode(unmask([server.sent["dunmore"]], seeds[3:]))
    three = encoding.decode(unmask([server.sent[name] for name in WITHOUT_ONE], seeds[:3]))
    # both are still covered by masks shared with the force left out
    assert not ((alone >= 0) & (alone <= 400)).all()
    assert not ((three >= 0) & (three <= 1200)).all()


def test_a_late_message_and_a_restart_do_not_give_one_force_away(
    four: Forces, two_counts: SummedStep
) -> None:
    first = Server(four, two_counts, ALL, "1")
    first.offer()
    first.accept()
    first.turn(1, *WITHOUT_ONE)  # dunmore is late: the attempt is given up
    second = Server(four, two_counts, WITHOUT_ONE, "2")
    second.offer()
    second.accept()
    second.turn(1)
    assert second.total(second.reveal())[0] == 1200
    first.turn(1, "dunmore")  # now its message arrives, and with it a full set of receipts
    for force in WITHOUT_ONE:
        with pytest.raises(PolicyError, match="opened last"):
            first.reveal(force)


def test_without_the_own_mask_the_late_message_would_give_one_force_away(
    four: Forces, two_counts: SummedStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federated.secure_sum.token_bytes", bytes)  # the mutant: a known mask
    first = Server(four, two_counts, ALL, "1")
    first.offer()
    first.accept()
    first.turn(1, *WITHOUT_ONE)
    second = Server(four, two_counts, WITHOUT_ONE, "2")
    second.offer()
    second.accept()
    second.turn(1)
    first.turn(1, "dunmore")
    known = [bytes(32)]
    assert (first.total(known * 4) - second.total(known * 3))[0] == 37


def test_once_unmasked_no_other_roster_is_served(four: Forces, two_counts: SummedStep) -> None:
    whole = Server(four, two_counts, ALL, "1")
    whole.offer()
    whole.accept()
    whole.turn(1)
    whole.reveal("ashmere")  # one revealed mask is enough to bind that force
    with pytest.raises(PolicyError, match="already unmasked"):
        Server(four, two_counts, WITHOUT_ONE, "2").offer("ashmere")
    again = Server(four, two_counts, ALL, "3")
    again.offer()
    again.accept()
    again.turn(1)
    assert again.total(again.reveal())[0] == 1237


def test_a_force_that_forgot_would_serve_another_roster(
    four: Forces, two_counts: SummedStep
) -> None:
    whole = Server(four, two_counts, ALL, "1")
    whole.offer()
    whole.accept()
    whole.turn(1)
    total = whole.total(whole.reveal())
    for force in four:
        force.memory.clear()  # the mutant: no memory
    part = Server(four, two_counts, WITHOUT_ONE, "2")
    part.offer()
    part.accept()
    part.turn(1)
    assert (total - part.total(part.reveal()))[0] == 37


def test_a_turn_is_not_unmasked_until_every_member_has_delivered_it(
    four: Forces, two_counts: SummedStep
) -> None:
    server = Server(four, two_counts, ALL, "1")
    server.offer()
    server.accept()
    server.turn(1)
    good = dict(server.receipts)
    for forged in (np.zeros(8, dtype=np.uint64), good["brackley"]):
        server.receipts = good | {"dunmore": forged}
        with pytest.raises(PolicyError, match="'dunmore' must have signed"):
            server.reveal("ashmere")
    server.receipts = good
    assert server.total(server.reveal())[0] == 1237


def test_receipts_of_one_turn_do_not_unmask_another(four: Forces, two_counts: SummedStep) -> None:
    server = Server(four, two_counts, ALL, "1")
    server.offer()
    server.accept()
    server.turn(1)
    old = dict(server.receipts)
    server.turn(2, "ashmere")
    server.receipts = old
    with pytest.raises(PolicyError, match="must have signed"):
        server.reveal("ashmere")


def test_a_turn_is_unmasked_once_and_never_run_again(four: Forces, two_counts: SummedStep) -> None:
    server = Server(four, two_counts, ALL, "1")
    server.offer()
    server.accept()
    server.turn(1)
    server.reveal()
    with pytest.raises(PolicyError, match="never unmasked"):
        server.reveal("ashmere")
    with pytest.raises(PolicyError, match=r"turn \(1\) must be later"):
        server.turn(1, "ashmere")


def test_masks_are_new_in_every_turn(four: Forces, two_counts: SummedStep) -> None:
    server = Server(four, two_counts, ALL, "1")
    server.offer()
    server.accept()
    server.turn(1)
    first = dict(server.sent)
    server.turn(2)
    assert all((first[name] != server.sent[name]).all() for name in ALL)


def test_the_server_cannot_put_its_own_key_in_anybodys_place(
    four: Forces, two_counts: SummedStep
) -> None:
    server = Server(four, two_counts, ALL, "1")
    server.offer()
    fake = masks.new_private_key()
    statement = server.session.statement(b"offer", masks.public_key(fake))
    server.offers["dunmore"] = masks.words(
        masks.identity(b"s" * 32) + masks.public_key(fake) + masks.sign(b"s" * 32, statement)
    )
    for force in four:
        force.memory[peer("dunmore")] = masks.identity(b"dunmore".ljust(32, b"."))
    with pytest.raises(PolicyError, match="'dunmore' must sign with the identity known for it"):
        server.accept("ashmere")
    genuine = masks.identity(b"dunmore".ljust(32, b"."))
    server.offers["dunmore"][:4] = masks.words(genuine)
    with pytest.raises(PolicyError, match="'dunmore' must be signed by it"):
        server.accept("ashmere")


def test_a_force_notices_that_its_own_key_was_exchanged(
    four: Forces, two_counts: SummedStep
) -> None:
    server = Server(four, two_counts, ALL, "1")
    server.offer()
    old = server.offers["ashmere"]
    server.offer("ashmere")
    server.offers["ashmere"] = old
    with pytest.raises(PolicyError, match="come back to it unchanged"):
        server.accept("ashmere")


def test_different_inputs_to_different_forces_are_never_unmasked(
    four: Forces, outcome_use_case: UseCase
) -> None:
    from federated.newton import NewtonSums  # noqa: PLC0415 - a step that takes inputs

    server = Server(four, NewtonSums(), ALL, "1")
    server.offer()
    server.accept()
    size = NewtonSums().takes(outcome_use_case).size
    for shift, force in enumerate(ALL):
        values = {"server-round": 1, "coefficients": np.full(size, float(shift == 3))}
        found = server.one(server.sums, force, values)
        server.sent[force], server.receipts[force] = found["masked"], found["receipt"]
    with pytest.raises(PolicyError, match="'dunmore' must have signed"):
        server.reveal("ashmere")


@pytest.mark.parametrize("roster", [(), ("a",), ("a", "b"), ("a", "b", "b")])
def test_fewer_than_three_forces_are_refused(roster: tuple[str, ...]) -> None:
    with pytest.raises(PolicyError, match="at least 3"):
        Session(roster=roster, number="1")


def test_a_force_off_the_roster_does_not_take_part(four: Forces, two_counts: SummedStep) -> None:
    with pytest.raises(PolicyError, match="must be on the roster"):
        Server(four, two_counts, WITHOUT_ONE, "1").offer("dunmore")


def test_everything_that_leaves_is_metered_at_its_encoded_size(
    four: Forces, two_counts: SummedStep
) -> None:
    grid = secure_grid(in_process(four), four.use_case, four.names, two_counts, 2**20)
    content = grid.create_message(_empty(), "train", 1, "1")
    content.content["config"] = _turn(1)
    list(grid.send_and_receive([content]))
    steps = [entry.step for entry in four.meter.entries if entry.force == "dunmore"]
    assert steps == [
        "secure-sum-offer",
        "secure-sum-accept",
        "masked-two-counts",
        "secure-sum-reveal",
    ]
    kinds = {entry.kind for entry in four.meter.entries}
    assert kinds == {PayloadKind.UPDATE, PayloadKind.NOTHING}


def _empty() -> Any:  # noqa: ANN401 - Flower's record
    from federated.flower import RecordDict  # noqa: PLC0415 - only here

    return RecordDict()


def _turn(number: int) -> Any:  # noqa: ANN401 - Flower's record
    from federated.flower import ConfigRecord  # noqa: PLC0415 - only here

    return ConfigRecord({"server-round": number})


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
