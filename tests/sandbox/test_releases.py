"""A release as files: marked, traceable, and never a pickle."""

import ast
import json
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from minimisation import Microdata, NotApplicableError, PrivacyLoss, Release, Statistics
from sandbox import worker
from sandbox.releases import (
    MARK,
    PROVENANCE,
    Provenance,
    read_provenance,
    write_designated,
    write_release,
)
from sandbox.study import Study

ROOT = Path(__file__).parents[2]
LOSS = PrivacyLoss(
    epsilon=1.0, delta=1e-6, unit="person", bounds=(("rows", 1),), forces=2, mechanism="noise"
)
TABLE = pa.table({"force": ["ashmere", "brackley"], "age": [41.0, 17.0], "sex": ["female", None]})
FROM = Provenance(
    plan="c0ffee",
    use_case="toy",
    option="private-tree",
    data={"ashmere": "keyed-1", "brackley": "keyed-2"},
    parameters={"epsilon": 1.0, "steps": 1000},
)


def release(table: pa.Table = TABLE, *, synthetic: bool = True) -> Release:
    loss = LOSS if synthetic else None
    artefact = Microdata(table=table, synthetic=synthetic)
    return Release(artefact=artefact, privacy_loss=loss, remarks=("A remark.",))


def test_synthetic_rows_are_marked_in_name_column_and_metadata(tmp_path: Path) -> None:
    parquet, csv, sidecar = write_release(release(), tmp_path / "new", FROM)
    assert [path.name for path in (parquet, csv, sidecar)] == [
        "private-tree-SYNTHETIC.parquet",
        "private-tree-SYNTHETIC.csv",
        "private-tree-SYNTHETIC.provenance.json",
    ]
    stored = pq.read_table(parquet)
    assert stored.column(MARK).to_pylist() == [MARK, MARK]
    assert stored.drop_columns([MARK]).equals(TABLE)
    assert stored.schema.metadata[MARK.encode()] == b"true"
    assert pyarrow.csv.read_csv(csv).column(MARK).to_pylist() == [MARK, MARK]
    assert json.loads(sidecar.read_text("utf-8"))["mark"] == MARK


def test_real_rows_never_bear_the_mark(tmp_path: Path) -> None:
    paths = write_release(release(synthetic=False), tmp_path, FROM)
    assert not any(MARK in path.name or MARK.encode() in path.read_bytes() for path in paths)


def test_provenance_is_in_the_file_and_beside_it(tmp_path: Path) -> None:
    parquet, _, sidecar = write_release(release(), tmp_path, FROM)
    inside, beside = read_provenance(parquet), json.loads(sidecar.read_text("utf-8"))
    assert set(beside.pop("files")) == {
        "private-tree-SYNTHETIC.parquet",
        "private-tree-SYNTHETIC.csv",
    }
    assert inside == beside
    assert inside["plan"] == "c0ffee"
    assert inside["data"] == {"ashmere": "keyed-1", "brackley": "keyed-2"}
    assert inside["parameters"] == {"epsilon": 1.0, "steps": 1000}
    assert (inside["privacy_loss"]["epsilon"], inside["privacy_loss"]["epsilon_everywhere"]) == (
        1,
        2,
    )
    assert inside["remarks"] == ["A remark."]
    assert PROVENANCE in pq.read_schema(parquet).metadata


def test_generalised_values_can_be_read_in_a_csv(tmp_path: Path) -> None:
    interval = pa.struct([("low", pa.float64()), ("high", pa.float64())])
    table = pa.table(
        {
            "sex": pa.array([["female", "male"], None], pa.list_(pa.string())),
            "age": pa.array([{"low": 18.0, "high": 24.0}, None], interval),
        }
    )
    csv = write_release(release(table, synthetic=False), tmp_path, FROM)[1]
    assert csv.read_text("utf-8").splitlines()[1] == '"female; male","18 to 24"'


def test_anything_but_rows_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="microdata"):
        write_release(Release(artefact=Statistics(table=TABLE)), tmp_path, FROM)
    unfit = Provenance(plan="a", use_case="b", option="c", data={}, parameters={"x": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        write_release(release(), tmp_path, unfit)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["../elsewhere", "", "a/b", "A"])
def test_a_name_that_leaves_the_folder_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match="option"):
        Provenance(plan="a", use_case="b", option=option, data={})


def is_pickle(content: bytes) -> bool:
    """Whether the bytes are a pickle from the first to the last opcode."""
    try:
        return sum(1 for _ in pickletools.genops(content)) > 0
    except ValueError:
        return False


def test_no_written_file_is_a_pickle_or_holds_one(tmp_path: Path) -> None:
    assert is_pickle(pickle.dumps({"a": 1}))
    for path in write_release(release(), tmp_path, FROM):
        content = path.read_bytes()
        assert not is_pickle(content)
        # protocols 2 to 5, each followed by the frame or the first opcode that such a file has
        assert not any(bytes([0x80, protocol, 0x95]) in content for protocol in (4, 5))


PICKLERS = {"pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"}
SAVERS = {"save", "to_pickle", "dump_model"}


def pickling(source: str) -> list[str]:
    """Imports of a pickler, and calls that save a fitted model, in a module."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.split(".")[0] in PICKLERS]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PICKLERS:
            found.append(node.module or "")
        elif isinstance(node, ast.Attribute) and node.attr in SAVERS:
            found.append(node.attr)
    return found


def test_no_module_of_the_synthesisers_pickles_or_saves_a_model() -> None:
    modules = [*(ROOT / "synthetic").rglob("*.py"), ROOT / "sandbox" / "releases.py"]
    assert len(modules) > 15
    assert {path.name: pickling(path.read_text("utf-8")) for path in modules} == {
        path.name: [] for path in modules
    }


def test_a_module_that_saved_a_model_would_be_caught() -> None:
    assert pickling("import pickle\nengine.save('model.bin')\nfrom joblib import dump") == [
        "pickle",
        "joblib",
        "save",
    ]


@pytest.mark.slow
def test_a_saved_network_would_give_its_training_labels_away() -> None:
    pd, ctgan = pytest.importorskip("pandas"), pytest.importorskip("ctgan")
    secret = list("abcabbacab")
    model = ctgan.CTGAN(epochs=1, batch_size=10, enable_gpu=False)
    model.fit(pd.DataFrame({"label": secret}), ["label"])
    (people_by_label,) = model._data_sampler._rid_by_cat_cols
    labels = model._transformer.output_info_list
    rebuilt = np.empty(10, dtype=int)
    for label, people in enumerate(people_by_label):
        rebuilt[people] = label
    assert len(labels) == 1
    pairs = set(zip(rebuilt.tolist(), secret, strict=True))
    assert len(pairs) == 3


PLAN = """
use_case = "stop-search"
repeats = 2
options = ["independent-columns", "raw-pool", "non-personal"]
[data]
status = "demo"
[data.demo]
people = 600
"""


def test_a_comparison_writes_the_first_release_of_rows_and_the_forces_know_of_it(
    tmp_path: Path, demo_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what is written is tested here; judging it takes most of the time
    monkeypatch.setattr(worker, "assess_release", lambda *_: [])
    monkeypatch.setattr(worker, "earlier_releases", lambda *_: [])
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    study = Study(plan_path=tmp_path / "plan.toml", workspace=demo_workspace)
    code = worker.Code.installed()
    for name in study.options:
        for repeat in (0, 1):
            assert worker.run(study, study.options[name], repeat, code)["status"] == "done"
    folder = study.results / "releases"
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    stems = ["independent-columns/independent-columns-SYNTHETIC", "raw-pool/raw-pool-rows"]
    assert written == {
        f"{stem}.{kind}" for stem in stems for kind in ("parquet", "csv", "provenance.json")
    }
    found = read_provenance(folder / f"{stems[0]}.parquet")
    assert found["plan"] == study.plan.digest
    assert found["snapshots"] == study.snapshots
    assert set(found["data"]) == set(study.stores)
    for home in study.stores.values():
        noted = {file: each.name for each in home.lineage.all() for file in each.files}
        for path in written:
            assert noted[str((folder / path).relative_to(demo_workspace))].endswith("repeat 0")


def test_real_rows_of_protected_data_are_never_written_in_clear(
    tmp_path: Path, demo_workspace: Path
) -> None:
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    study = Study(plan_path=tmp_path / "plan.toml", workspace=demo_workspace)
    assert study.stores, "loaded before they are called protected"
    study.plan.file.data.__dict__["status"] = "protected"
    option = study.options["raw-pool"]
    assert write_designated(study, option, release(synthetic=False)) == []
    assert write_designated(study, option, release()) != []
