"""The secure sum: exactly the plain sum, and nothing that would show one force's part of it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from federated import masks
from federated.grid import in_process
from federated.layout import NO_NUMBERS, SummedStep
from federated.record import peer
from federated.secure_grid import secure_grid
from federated.secure_session import Session
from federated.secure_sum import unmask
from minimisation import Forces, PayloadKind, PolicyError, UseCase
from tests.federated.secure_server import ALL, WITHOUT_ONE, Server

OpenForces = Callable[..., Forces]


@pytest.fixture
def four(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> Iterator[Forces]:
    """Four forces of 400, 400, 400 and 37 people, opened."""
    records = outcome_records | {"dunmore": outcome_records["ashmere"].slice(0, 37)}
    with open_forces(outcome_use_case, records, held_out=0.0) as forces:
        yield forces


def test_the_total_is_exactly_the_plain_total(four: Forces, two_counts: SummedStep) -> None:
    server = Server(four, two_counts, ALL, "1").opened()
    server.turn(1)
    total = server.total(server.reveal())
    plain = four.ask(two_counts, inputs=NO_NUMBERS.table({})).complete().values()
    assert total.tolist() == sum(np.asarray(sent["value"]) for sent in plain).tolist()
    assert total[0] == 1237


def test_every_pair_of_masks_cancels_and_a_single_one_does_not(
    four: Forces, two_counts: SummedStep
) -> None:
    server = Server(four, two_counts, ALL, "1").opened()
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
    first = Server(four, two_counts, ALL, "1").opened()
    first.turn(1, *WITHOUT_ONE)  # dunmore is late: the attempt is given up
    second = Server(four, two_counts, WITHOUT_ONE, "2").opened()
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
    first = Server(four, two_counts, ALL, "1").opened()
    first.turn(1, *WITHOUT_ONE)
    second = Server(four, two_counts, WITHOUT_ONE, "2").opened()
    second.turn(1)
    first.turn(1, "dunmore")
    known = [bytes(32)]
    assert (first.total(known * 4) - second.total(known * 3))[0] == 37


def test_once_unmasked_no_other_roster_is_served(four: Forces, two_counts: SummedStep) -> None:
    whole = Server(four, two_counts, ALL, "1").opened()
    whole.turn(1)
    whole.reveal("ashmere")  # one revealed mask is enough to bind that force
    with pytest.raises(PolicyError, match="already unmasked"):
        Server(four, two_counts, WITHOUT_ONE, "2").offer("ashmere")
    again = Server(four, two_counts, ALL, "3").opened()
    again.turn(1)
    assert again.total(again.reveal())[0] == 1237


def test_a_force_that_forgot_would_serve_another_roster(
    four: Forces, two_counts: SummedStep
) -> None:
    whole = Server(four, two_counts, ALL, "1").opened()
    whole.turn(1)
    total = whole.total(whole.reveal())
    for force in four:
        force.memory.clear()  # the mutant: no memory
    part = Server(four, two_counts, WITHOUT_ONE, "2").opened()
    part.turn(1)
    assert (total - part.total(part.reveal()))[0] == 37


def test_a_turn_is_not_unmasked_until_every_member_has_delivered_it(
    four: Forces, two_counts: SummedStep
) -> None:
    server = Server(four, two_counts, ALL, "1").opened()
    server.turn(1)
    good = dict(server.receipts)
    for forged in (np.zeros(8, dtype=np.uint64), good["brackley"]):
        server.receipts = good | {"dunmore": forged}
        with pytest.raises(PolicyError, match="'dunmore' must have signed"):
            server.reveal("ashmere")
    server.receipts = good
    assert server.total(server.reveal())[0] == 1237


def test_receipts_of_one_turn_do_not_unmask_another(four: Forces, two_counts: SummedStep) -> None:
    server = Server(four, two_counts, ALL, "1").opened()
    server.turn(1)
    old = dict(server.receipts)
    server.turn(2, "ashmere")
    server.receipts = old
    with pytest.raises(PolicyError, match="must have signed"):
        server.reveal("ashmere")


def test_a_turn_is_unmasked_once_and_never_run_again(four: Forces, two_counts: SummedStep) -> None:
    server = Server(four, two_counts, ALL, "1").opened()
    server.turn(1)
    server.reveal()
    with pytest.raises(PolicyError, match="never unmasked"):
        server.reveal("ashmere")
    with pytest.raises(PolicyError, match=r"turn \(1\) must be later"):
        server.turn(1, "ashmere")


def test_masks_are_new_in_every_turn(four: Forces, two_counts: SummedStep) -> None:
    server = Server(four, two_counts, ALL, "1").opened()
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

    server = Server(four, NewtonSums(), ALL, "1").opened()
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
