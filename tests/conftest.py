"""Small forces made of invented people, and the use cases that are asked of them."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from toy_cases import GROUPED, OUTCOME, invented_people, invented_searches

from minimisation import Forces, PayloadKind, UseCase
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Force
from minimisation.forces.ledger import Ledger
from minimisation.forces.policy import Policy
from minimisation.forces.store import Store
from minimisation.forces.vault import Vault

OpenForces = Callable[..., Forces]

FlatStore = Callable[[Path, str, pa.Table], Store]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of slow tests: one that began last would leave a processor idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


class AnyStep(frozenset[str]):
    """A step list that approves every name, for tests that are not about approval."""

    def __contains__(self, name: object) -> bool:
        return True


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data with published reference figures; skips loudly where absent."""
    folder = Path(os.environ.get("SANDBOX_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"REAL DATA ABSENT: set SANDBOX_SHARED (looked in {folder.name})")
    return folder


@pytest.fixture(scope="session")
def outcome_use_case() -> UseCase:
    """A binary outcome on invented people: age, sex and prior events predict it."""
    return OUTCOME


@pytest.fixture(scope="session")
def grouped_use_case() -> UseCase:
    """Counts and a rate of invented searches by force, ethnicity and sex."""
    return GROUPED


def write_flat_store(path: Path, force: str, records: pa.Table) -> Vault:
    """An encrypted store whose data came as one flat file."""
    vault = Vault(force=force, path=path, key=force.encode().ljust(32, b"."))
    with vault.create() as connection:
        connection.register("incoming", records)
        connection.execute("create table records as select * from incoming")
        connection.unregister("incoming")
    return vault


@pytest.fixture(scope="session")
def flat_store(tmp_path_factory: pytest.TempPathFactory) -> FlatStore:
    """`flat_store(path, force, records)`: written once, and copied for every test that asks."""
    folder, written = tmp_path_factory.mktemp("stores"), dict[str, Vault]()

    def store(path: Path, force: str, records: pa.Table) -> Store:
        content = pa.BufferOutputStream()
        with pa.ipc.new_stream(content, records.schema) as stream:
            stream.write_table(records)
        name = hashlib.sha256(force.encode() + b"\0" + content.getvalue()).hexdigest()
        if name not in written:
            written[name] = write_flat_store(folder / name, force, records)
        assert not path.exists(), "a test opens one store of a force and use case"
        shutil.copy2(written[name].path, path)
        return replace(written[name], path=path)

    return store


@pytest.fixture
def open_forces(tmp_path: Path, flat_store: FlatStore) -> OpenForces:
    """Build forces from flat records: `open_forces(use_case, {force: table}, **policy)`."""

    def build(  # noqa: PLR0913 - each keyword is one thing a test varies
        use_case: UseCase,
        records: Mapping[str, pa.Table],
        *,
        held_out: float = 0.3,
        kinds: frozenset[PayloadKind] = frozenset(PayloadKind),
        epsilon: float = 100.0,
        minimum_contributors: int = 1,
    ) -> Forces:
        members = tuple(
            Force(
                store=flat_store(tmp_path / f"{use_case.name}-{name}.duckdb", name, table),
                policy=Policy(
                    use_cases=frozenset({use_case.name}),
                    steps=AnyStep(),
                    kinds=kinds,
                    minimum_contributors=minimum_contributors,
                ),
                ledger=Ledger(epsilon=epsilon, delta=1e-3),
                secret=name.encode().ljust(32, b"."),
            )
            for name, table in records.items()
        )
        return Forces(members=members, use_case=use_case, split=Split(key="7", held_out=held_out))

    return build


@pytest.fixture(scope="session")
def outcome_records() -> dict[str, pa.Table]:
    """Three forces of 400 invented people each."""
    return {name: invented_people(name, 400) for name in ("ashmere", "brackley", "coldharbour")}


@pytest.fixture
def outcome_forces(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> Forces:
    """Three forces of 400 invented people each; not yet opened."""
    return open_forces(outcome_use_case, outcome_records)


@pytest.fixture(scope="session")
def grouped_records() -> dict[str, pa.Table]:
    """Three forces' searches of 300 invented people each."""
    return {name: invented_searches(name, 300) for name in ("ashmere", "brackley", "coldharbour")}


@pytest.fixture
def grouped_forces(
    open_forces: OpenForces, grouped_use_case: UseCase, grouped_records: dict[str, pa.Table]
) -> Forces:
    """Three forces of 300 invented people's searches each; not yet opened."""
    return open_forces(grouped_use_case, grouped_records)


DEMO = """
use_case = "stop-search"
[data]
status = "demo"
[data.demo]
people = 600
"""


@pytest.fixture(scope="session")
def loaded_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose stores hold 600 SYNTHETIC people of the demo; not to be changed."""
    from sandbox.study import Study  # noqa: PLC0415 - most tests need no workspace

    folder = tmp_path_factory.mktemp("demo")
    (folder / "plan.toml").write_text(DEMO, "utf-8")
    study = Study(plan_path=folder / "plan.toml", workspace=folder / "work")
    assert len(study.stores) == 9
    return study.workspace


@pytest.fixture
def demo_workspace(loaded_demo: Path, tmp_path: Path) -> Path:
    """The folder `work` of a test, with the demo's stores: loading them takes seconds."""
    return Path(shutil.copytree(loaded_demo, tmp_path / "work", symlinks=True))
