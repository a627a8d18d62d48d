"""What the server sees of a secure sum does not tell one input of a force from another.

A game over the whole protocol: in each of many runs a force has one of two inputs, the permitted
total being the same; a distinguisher that looks at every bit of the transcript learns from one half
of the runs and guesses in the other. It must do no better than a coin; broken twins it must catch.
Computational security: this tests for mistakes of the protocol, not X25519, HKDF or ChaCha20.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from federated import masks
from federated.layout import NO_NUMBERS, ClientStep, Layout, Values
from federated.secure_session import AcceptRoster, OfferKey, Session
from federated.secure_sum import MaskedSums, RevealMask, unmask
from minimisation import Payload, PolicyError, Premises, UseCase

Words = np.ndarray[Any, np.dtype[np.uint64]]

ALL = ("ashmere", "brackley", "coldharbour", "dunmore")
LATE = ALL[3]
RUNS = 80
"""Runs of each input; half are learnt from."""


BITS = 9
"""Bits that the distinguisher goes by."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """A sum that is known beforehand: every force's input in this run."""

    inputs: tuple[tuple[str, float], ...]
    name: ClassVar[str] = "given"

    def takes(self, use_case: UseCase) -> Layout:
        del use_case
        return NO_NUMBERS

    def gives(self, use_case: UseCase) -> Layout:
        del use_case
        return Layout(arrays=(("sum", (1,)),))

    def bounds(self, use_case: UseCase) -> Values:
        del use_case
        return {"sum": [1.0]}

    def sends(self, use_case: UseCase) -> Payload:
        return self.gives(use_case).promise(low=0.0, high=2.0**20)

    def run(self, premises: Premises) -> pa.Table:
        value = dict(self.inputs)[premises.force]
        return self.gives(premises.use_case).table({"sum": [value]})


class Run:
    """Forces and a server that keeps everything it has seen; no force has people."""

    def __init__(self, use_case: UseCase, inputs: Mapping[str, float]) -> None:
        self.use_case, self.inputs = use_case, inputs
        self.memory: dict[str, dict[str, bytes]] = {name: {} for name in ALL}
        self.secret = {name: token_bytes(32) for name in ALL}
        self.seen: list[Words] = []

    def one(self, step: ClientStep, force: str, values: Mapping[str, Any]) -> dict[str, Any]:
        premises = Premises(
            force=force,
            use_case=self.use_case,
            people=None,  # type: ignore[arg-type]  # nothing is read
            inputs=step.takes(self.use_case).table(values),
            secret=self.secret[force],
            hold=lambda *_: None,
            memory=self.memory[force],
        )
        found = step.gives(self.use_case).values(step.run(premises))
        self.seen += [np.asarray(array, dtype=np.uint64).ravel() for array in found.values()]
        return found

    def opened(self, roster: tuple[str, ...], number: str) -> MaskedSums:
        session = Session(roster=roster, number=number)
        offers = [self.one(OfferKey(session=session), name, {})["offer"] for name in roster]
        for name in roster:
            self.one(AcceptRoster(session=session), name, {"offer": np.stack(offers)})
        inputs = tuple((name, self.inputs[name]) for name in roster)
        return MaskedSums(session=session, step=Given(inputs=inputs), most_people=2**20)

    def turn(self, sums: MaskedSums, *forces: str) -> dict[str, dict[str, Any]]:
        return {name: self.one(sums, name, {"server-round": 1}) for name in forces}

    def total(self, sums: MaskedSums, sent: Mapping[str, dict[str, Any]]) -> Words:
        """Reveal and add up; what each force sent without its own mask is seen too."""
        receipts = {"receipts": np.stack([each["receipt"] for each in sent.values()])}
        step = RevealMask(session=sums.session)
        seeds = [masks.octets(self.one(step, name, receipts)["seed"]) for name in sent]
        for each, seed in zip(sent.values(), seeds, strict=True):
            self.seen.append(unmask([each["masked"]], [seed]))
        return unmask([each["masked"] for each in sent.values()], seeds)


def completed(use_case: UseCase, inputs: Mapping[str, float]) -> Words:
    """The transcript of one whole turn; the total is last."""
    run = Run(use_case, inputs)
    sums = run.opened(ALL, "1")
    total = run.total(sums, run.turn(sums, *ALL))
    return np.concatenate([*run.seen, total])


def late_message(use_case: UseCase, inputs: Mapping[str, float]) -> Words:
    """An attempt is given up for a force that is late, run without it, and then it answers."""
    run = Run(use_case, inputs)
    first = run.opened(ALL, "1")
    sent = run.turn(first, *ALL[:3])
    second = run.opened(ALL[:3], "2")
    total = run.total(second, run.turn(second, *ALL[:3]))
    sent |= run.turn(first, LATE)
    for name in ALL[:3]:
        with pytest.raises(PolicyError, match="opened last"):
            run.one(RevealMask(session=first.session), name, {"receipts": np.zeros((4, 8))})
    # the best guess of the late force's part: what came in the first attempt less the total
    known = unmask([each["masked"] for each in sent.values()], [])
    shift = first.encoding(use_case).fractions - second.encoding(use_case).fractions
    guess = known - (total.astype(np.int64) << shift).astype(np.uint64)
    return np.concatenate([*run.seen, total, guess])


def accuracy(one: list[Words], other: list[Words]) -> tuple[int, int]:
    """Right guesses of a naive Bayes distinguisher, and how many were made.

    Of all bits it uses those that differ most between the two worlds in the runs learnt from.
    """
    bits = [np.stack([np.unpackbits(w.view(np.uint8)) for w in world]) for world in (one, other)]
    half = len(one) // 2
    apart = np.abs(bits[0][:half].mean(axis=0) - bits[1][:half].mean(axis=0))
    chosen = np.argsort(apart, kind="stable")[-BITS:]
    bits = [world[:, chosen] for world in bits]
    chance = [(world[:half].sum(axis=0) + 1.0) / (half + 2.0) for world in bits]
    weight = np.log(chance[1] / chance[0]) - np.log((1 - chance[1]) / (1 - chance[0]))
    offset = float(np.log((1 - chance[1]) / (1 - chance[0])).sum())
    right = sum(
        int(((world[half:] @ weight + offset > 0) == bool(label)).sum())
        for label, world in enumerate(bits)
    )
    return right, 2 * (len(one) - half)


TWO_INPUTS = (
    dict(zip(ALL, (5.0, 500_000.0, 400_000.0, 7.0), strict=True)),
    dict(zip(ALL, (900_000.0, 1.0, 4.0, 7.0), strict=True)),
)
TWO_LATE = (
    dict(zip(ALL, (10.0, 20.0, 30.0, 0.0), strict=True)),
    dict(zip(ALL, (10.0, 20.0, 30.0, 1_000_000.0), strict=True)),
)


Play = Callable[[UseCase, Mapping[str, float]], Words]
Worlds = Sequence[Mapping[str, float]]


def game(
    play: Play,
    use_case: UseCase,
    worlds: Worlds,
    runs: int = RUNS,
) -> tuple[int, int]:
    transcripts = [[play(use_case, inputs) for _ in range(runs)] for inputs in worlds]
    if play is completed:
        assert len({int(seen[-1]) for world in transcripts for seen in world}) == 1
    return accuracy(*transcripts)


@pytest.mark.parametrize(("play", "worlds"), [(completed, TWO_INPUTS), (late_message, TWO_LATE)])
def test_the_transcript_tells_two_inputs_apart_no_better_than_a_coin(
    outcome_use_case: UseCase,
    play: Play,
    worlds: Worlds,
) -> None:
    right, guesses = game(play, outcome_use_case, worlds)
    assert binomtest(right, guesses, 0.5).pvalue > 1e-6


def test_without_pairwise_masks_a_whole_turn_gives_every_input_away(
    outcome_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MaskedSums, "_pairwise", lambda *_: np.zeros(1, dtype=np.uint64))
    right, guesses = game(completed, outcome_use_case, TWO_INPUTS, runs=40)
    assert right == guesses


def test_without_own_masks_a_late_message_gives_its_force_away(
    outcome_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federated.secure_sum.token_bytes", bytes)  # the mutant: a known mask
    right, guesses = game(late_message, outcome_use_case, TWO_LATE, runs=40)
    assert right == guesses


def repeated(secrets: int) -> int:
    """How many masks of so many agreed secrets occur twice; of 64-bit words none should."""
    words = [
        int(masks.stream(masks.derive(place.to_bytes(32, "big"), b"mask"), 1)[0])
        for place in range(secrets)
    ]
    return secrets - len(set(words))


MANY = 2**17


def test_masks_do_not_repeat_as_those_of_short_seeds_would() -> None:
    assert repeated(MANY) == 0


def test_seeds_folded_to_32_bits_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = masks.derive

    def folded(secret: bytes, purpose: bytes) -> bytes:
        return whole(secret, purpose)[:4].ljust(32, b"\0")

    monkeypatch.setattr(masks, "derive", folded)
    # among 2¹⁷ seeds of 32 bits two pairs agree on average; the secrets are fixed, and one does
    assert repeated(MANY) > 0
