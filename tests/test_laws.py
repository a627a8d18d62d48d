"""Laws that hold for every registered option, on both kinds of question."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from observing import (
    CANARY,
    IDENTIFYING,
    VARIANTS,
    Run,
    changed,
    identifying,
    moved,
    observed,
    with_own_accounts,
)

from minimisation import (
    Forces,
    Microdata,
    Option,
    PayloadKind,
    Release,
    SandboxError,
)
from minimisation.contract import wire
from minimisation.options import RawPool
from sandbox.registry import builtin_options, with_parameters

pytestmark = pytest.mark.slow
OPTIONS = tuple(builtin_options().values())

LIGHTER: dict[str, dict[str, float]] = {
    "private-tree": {"steps": 25},
    "private-adaptive": {"steps": 25, "rounds": 2, "seconds": 0.001},
    "federated-margins": {"steps": 25},
    "generative-network": {"epochs": 1},
    "federated-trees": {"trees": 3},
    "federated-forest": {"rounds": 3},
    "variational-autoencoder": {"epochs": 1},
    "linked-persons": {"seconds": 0.001},
    "private-persons": {"steps": 25},
}
"""Options that take long, with parameters that save work and change no law. By default they run
once, on one kind of question; everything else of them is left to the full run."""

RUNS_AGAIN = (
    "test_same_seed_gives_the_same_release_exactly_where_nothing_is_private",
    "test_an_option_that_draws_gives_another_release_with_another_seed",
    "test_what_is_known_of_held_out_people_changes_nothing",
    "test_forces_of_one_person_get_a_release_or_one_line",
)
"""Laws that need more than the one run."""

FEWEST_OPTIONS = 15

KINDS = ("outcome", "grouped")

OpenForces = Callable[..., Forces]

Observe = Callable[..., Run]

World = Callable[..., Forces]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if {"option", "kind"} <= set(metafunc.fixturenames):
        again = metafunc.function.__name__ in RUNS_AGAIN
        cases = [
            pytest.param(
                with_parameters(option, LIGHTER.get(option.name, {})),
                kind,
                id=f"{option.name}-{kind}",
                marks=[pytest.mark.full] * (option.name in LIGHTER and (again or kind != KINDS[0])),
            )
            for option in OPTIONS
            for kind in KINDS
        ]
        metafunc.parametrize(("option", "kind"), cases)
    elif "option" in metafunc.fixturenames:
        metafunc.parametrize("option", list(OPTIONS), ids=[each.name for each in OPTIONS])
    elif "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def seen() -> dict[tuple[str, str, str], Run]:
    """Runs that several laws look at, so that each is made once."""
    return {}


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str], Forces]:
    """Forces by question and variant, so that their stores are written once."""
    return {}


@pytest.fixture
def world(
    made: dict[tuple[str, str], Forces],
    request: pytest.FixtureRequest,
    open_forces: OpenForces,
    tmp_path: Path,
) -> World:
    """`world(kind, variant)`: forces with accounts of their own; not yet opened."""

    def build(kind: str, variant: str = "as they are") -> Forces:
        if (kind, "as they are") not in made:
            forces: Forces = request.getfixturevalue(f"{kind}_forces")
            made[kind, "as they are"] = moved(forces, tmp_path / f"{kind} as they are")
        if (kind, variant) not in made:
            base = made[kind, "as they are"]
            change, held_out = VARIANTS[variant]
            forces = open_forces(base.use_case, changed(base, change), held_out=held_out)
            made[kind, variant] = moved(forces, tmp_path / f"{kind} {variant}")
        return with_own_accounts(made[kind, variant])

    return build


@pytest.fixture
def observe(
    seen: dict[tuple[str, str, str], Run], world: World, monkeypatch: pytest.MonkeyPatch
) -> Observe:
    """`observe(option, kind)`: apply the option; `again`, `seed`, `variant` tell runs apart."""

    def run(
        option: Option,
        kind: str,
        *,
        seed: int = 1,
        again: str = "",
        variant: str = "as they are",
    ) -> Run:
        key = (option.name, kind, f"{seed}{again}{variant}")
        if key not in seen:
            seen[key] = observed(option, world(kind, variant), seed, monkeypatch)
        return seen[key]

    return run


def test_no_option_has_vanished() -> None:
    names = [option.name for option in OPTIONS]

    assert len(names) >= FEWEST_OPTIONS
    assert len(set(names)) == len(names)


def test_every_option_says_what_it_is(option: Option) -> None:
    assert option.name == option.name.lower()
    assert " " not in option.name
    assert option.summary.endswith(".")
    assert option.keeps_direct_identifiers in (True, False)


def test_every_option_has_a_page(option: Option) -> None:
    folder = Path(__file__).parents[1] / "docs" / "options"
    technique = option.name.rstrip("0123456789.").rstrip("-")
    page = (folder / f"{technique}.md").read_text("utf-8")

    for heading in ("**What leaves each force.**", "**What it protects.**", "**When it fails.**"):
        assert heading in page


def test_makes_a_release_or_says_why_not(option: Option, kind: str, observe: Observe) -> None:
    run = observe(option, kind)

    assert (run.release is None) == bool(run.reason)
    assert run.release is None or run.content


def test_leaves_its_input_untouched(option: Option, kind: str, observe: Observe) -> None:
    assert not observe(option, kind).touched


def test_same_seed_gives_the_same_release_exactly_where_nothing_is_private(
    option: Option, kind: str, observe: Observe
) -> None:
    first, second = observe(option, kind), observe(option, kind, again="again")
    if first.release is None:
        pytest.skip(first.reason)

    same = first.content == second.content

    assert same == (first.release.privacy_loss is None)


def test_an_option_that_draws_gives_another_release_with_another_seed(
    option: Option, kind: str, observe: Observe
) -> None:
    first, second = observe(option, kind), observe(option, kind, seed=2)

    assert first.drew == second.drew
    if first.drew and first.release is not None:
        assert first.content != second.content


def test_no_direct_identifier_survives_unless_the_option_says_so(
    option: Option, kind: str, observe: Observe
) -> None:
    run = observe(option, kind)
    everything = b"".join([run.content, *run.messages])

    assert bool(identifying(everything)) == option.keeps_direct_identifiers


def test_an_option_that_lies_about_identifiers_is_caught(observe: Observe) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Liar(RawPool):
        name: ClassVar[str] = "liar"
        keeps_direct_identifiers: ClassVar[bool] = False

    assert identifying(observe(Liar(), "outcome").content)


def test_what_is_known_of_held_out_people_changes_nothing(
    option: Option, kind: str, observe: Observe
) -> None:
    before, after = observe(option, kind), observe(option, kind, variant="others held out")

    assert CANARY.encode() not in b"".join([after.content, *after.messages])
    if before.privacy_loss is None:
        assert after.content == before.content
        # masks of a secure sum are fresh in every run; then sizes are all that can be compared
        masked = getattr(option, "secure_sum", False)
        seen = (after.messages, before.messages)
        assert sorted(map(len, seen[0])) == sorted(map(len, seen[1]))
        assert masked or seen[0] == seen[1]


def test_a_canary_among_members_does_appear_in_the_raw_pool(observe: Observe) -> None:
    assert CANARY.encode() in observe(RawPool(), "outcome", variant="other members").content


def test_metered_bytes_are_the_bytes_on_the_wire(
    option: Option, kind: str, observe: Observe
) -> None:
    run = observe(option, kind)
    sent = [len(message) for message in run.messages if wire.decode(message).num_columns]
    metered = [entry for entry in run.entries if entry.kind is not PayloadKind.NOTHING]

    assert sorted(entry.sent for entry in metered) == sorted(sent)
    assert sum(entry.rows for entry in metered) == sum(
        wire.decode(message).num_rows for message in run.messages
    )


def test_a_release_claims_the_loss_that_the_forces_charged(
    option: Option, kind: str, observe: Observe
) -> None:
    run = observe(option, kind)
    if run.release is None:
        pytest.skip(run.reason)

    assert run.release.privacy_loss == run.privacy_loss


def attempted(option: Option, forces: Forces) -> tuple[Release | None, str]:
    """A release, or the message of the error that a user would see."""
    try:
        return option.apply(forces, forces.use_case, np.random.default_rng(1)), ""
    except SandboxError as error:
        return None, str(error)


def test_an_option_that_is_refused_fails_as_one_line(
    option: Option, kind: str, world: World
) -> None:
    forces = world(kind)
    for force in forces:
        force.policy = replace(force.policy, kinds=frozenset())
    with forces:
        release, message = attempted(option, forces)

    assert "\n" not in message
    assert release is None or not isinstance(release.artefact, Microdata)
    assert all(entry.kind is PayloadKind.NOTHING for entry in forces.meter.entries)
    assert not any(force.ledger.spent for force in forces)


def test_forces_of_one_person_get_a_release_or_one_line(
    option: Option, kind: str, world: World
) -> None:
    with world(kind, "one person each") as forces:
        release, message = attempted(option, forces)

    assert "\n" not in message
    assert bool(message) == (release is None)


def test_stores_hold_what_the_laws_look_for(world: World) -> None:
    forces = world("outcome")
    files = b"".join(force.store.path.read_bytes() for force in forces)
    records = changed(forces, lambda table, _held_out: table)

    assert len(forces.members) > 1
    assert identifying(b"".join(map(wire.encode, records.values()))) == list(IDENTIFYING)
    assert identifying(files) == [], "at rest they are encrypted"
