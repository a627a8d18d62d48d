"""Nothing that was fitted leaves: no model is pickled or saved, and payloads are plain tables."""

import ast
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import synthetic
from minimisation import Forces, Microdata, Option, UseCase
from minimisation.contract import wire
from synthetic import (
    OPTIONS,
    FederatedMargins,
    GenerativeNetwork,
    LinkedPersons,
    PrivateAdaptive,
    PrivatePersons,
    PrivateTree,
    VariationalAutoencoder,
)

Open = Callable[..., Forces]

PLAIN = {pa.string(), pa.int64(), pa.float64(), pa.bool_()}
"""Types of what a force sends and of what is released: none can hold a fitted model."""

SAVERS = ("pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal")
"""Modules that turn objects into bytes."""

LIGHT: tuple[Option, ...] = (
    PrivateTree(steps=20),
    PrivateAdaptive(steps=20, rounds=2, seconds=0.001),
    FederatedMargins(steps=20),
    GenerativeNetwork(epochs=1, fewest=2),
    PrivatePersons(steps=20),
)
EVERY = [
    *(pytest.param(each, id=each.name) for each in OPTIONS),
    pytest.param(VariationalAutoencoder(epochs=1, fewest=2), id="variational-autoencoder"),
    pytest.param(LinkedPersons(fewest=2, seconds=600), id="linked-persons"),
    *(pytest.param(each, id=each.name, marks=pytest.mark.full) for each in LIGHT),
]


@pytest.fixture
def no_saving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whoever turns an object into bytes."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was turned into bytes")

    class Refusing(pickle.Pickler):
        """A class, because engines derive their own from it."""

        dump = refuse

    for name in ("dump", "dumps"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(pickle, "Pickler", Refusing)


@pytest.mark.usefixtures("no_saving")
@pytest.mark.parametrize("candidate", EVERY)
def test_no_option_turns_a_model_into_bytes_or_sends_anything_but_plain_columns(  # noqa: PLR0913, PLR0917 - fixtures
    candidate: Option,
    open_forces: Open,
    outcome_use_case: UseCase,
    grouped_use_case: UseCase,
    people: Callable[..., pa.Table],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[pa.Table] = []
    encode = wire.encode

    def noting(table: pa.Table) -> bytes:
        sent.append(table)
        return encode(table)

    monkeypatch.setattr(wire, "encode", noting)
    linked = isinstance(candidate, LinkedPersons | PrivatePersons)
    use_case, records = outcome_use_case, people(30)
    if linked:
        use_case = grouped_use_case
        records = searches_of(records)
    with open_forces(use_case, {"ashmere": records}, held_out=0.0) as forces:
        artefact = candidate.apply(forces, use_case, np.random.default_rng(1)).artefact
    assert isinstance(artefact, Microdata)
    assert sent
    for table in (artefact.table, *sent):
        assert set(table.schema.types) <= PLAIN
        assert not table.schema.metadata


def searches_of(table: pa.Table) -> pa.Table:
    """Two searches for each of the people."""
    people = table.select(["person_id", "linkage_token", "ethnicity", "sex"])
    twice = pa.concat_tables([people, people])
    return (
        twice.append_column("record_id", pa.array(range(twice.num_rows), pa.int64()))
        .append_column("object", pa.array(["drugs", "weapons"] * people.num_rows))
        .append_column("found", pa.array([0, 1] * people.num_rows, pa.int64()))
    )


@pytest.mark.usefixtures("no_saving")
def test_a_saved_network_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="bytes"):
        pickle.dumps({"labels that it was trained on": ["male"]})


def test_no_file_of_the_package_can_save_an_object() -> None:
    for path in sorted(Path(synthetic.__file__).parent.glob("*.py")):
        found = savers(path.read_text("utf-8"))
        assert not found, f"{path.name}: {found}"


@pytest.mark.parametrize(
    "text", ["import pickle", "from joblib import dump", "engine.save('m')", "torch.save(m, f)"]
)
def test_a_file_that_could_save_an_object_would_be_noticed(text: str) -> None:
    assert savers(text)


def savers(text: str) -> set[str]:
    """What a module imports or calls that could save an object."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names} & {*SAVERS}
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").split(".")[0]} & {*SAVERS}
        elif isinstance(node, ast.Attribute) and node.attr in ("save", "__reduce__", "to_pickle"):
            found.add(node.attr)
    return found
