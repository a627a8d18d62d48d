"""Where XGBoost is imported: it grows trees on a force's own numbers, as JSON, never a pickle.

Chen and Guestrin 2016, XGBoost: A Scalable Tree Boosting System.
"""

import json
import math
from typing import Any

import numpy as np

from federated.design import Array
from minimisation import Encoding, MissingEngineError, PolicyError, Tree, TreeModel

try:
    import xgboost
except ModuleNotFoundError as error:
    raise MissingEngineError(
        "xgboost must be installed: pip install 'minimisation-sandbox[trees]'"
    ) from error

BLANKED = ("loss_changes", "sum_hessian", "base_weights")
"""Statistics of every node's people that XGBoost writes beside its splits; nobody needs them."""


def boosted(features: Array, outcome: Array, before: bytes, parameters: dict[str, Any]) -> bytes:
    """One more tree on top of a model.

    Args:
        features: (n, d) encoded features, on public cuts.
        outcome: (n,) zeros and ones.
        before: the model so far as JSON; empty for none.
        parameters: XGBoost's own.

    Returns:
        The model with that tree, as JSON.

    Raises:
        PolicyError: if `before` is no model.
    """
    fixed = {"objective": "binary:logistic", "base_score": 0.5, "tree_method": "hist", "nthread": 1}
    data = xgboost.DMatrix(features.astype(np.float32), label=outcome)
    booster = xgboost.Booster({**parameters, **fixed, "verbosity": 0}, [data])
    if before:
        trees_of(before)
        booster.load_model(bytearray(before))
        booster.set_param({**parameters, **fixed})
    booster.update(data, booster.num_boosted_rounds())
    return _blanked(bytes(booster.save_raw("json")))


def newest(model: bytes) -> bytes:
    """The last tree of a model, as a model of its own."""
    booster = xgboost.Booster()
    booster.load_model(bytearray(model))
    count = booster.num_boosted_rounds()
    return _blanked(bytes(booster[count - 1 : count].save_raw("json")))


def trees_of(model: bytes) -> tuple[float, list[Tree]]:
    """Log-odds before any tree, and the trees, of a model as JSON.

    Raises:
        PolicyError: if it is anything else.
    """
    try:
        learner = json.loads(model)["learner"]
        written = learner["gradient_booster"]["model"]["trees"]
        base = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
        return math.log(base / (1 - base)), [_tree(each) for each in written]
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError("a message of trees must be XGBoost's JSON of a tree model") from error


def model_of(written: bytes, encoding: Encoding) -> TreeModel:
    """A model as JSON in plain numbers, which no library is needed to read.

    Raises:
        PolicyError: if it is anything else, or compares terms that there are not.
    """
    intercept, trees = trees_of(written)
    try:
        return TreeModel(encoding=encoding, intercept=intercept, trees=tuple(trees))
    except ValueError as error:
        raise PolicyError("trees must compare terms of the public encoding") from error


def _tree(written: dict[str, Any]) -> Tree:
    left, right = written["left_children"], written["right_children"]
    terms, numbers = written["split_indices"], written["split_conditions"]
    inner = [child != -1 for child in left]
    return Tree(
        term=tuple(int(t) if i else -1 for t, i in zip(terms, inner, strict=True)),
        threshold=tuple(float(n) if i else 0.0 for n, i in zip(numbers, inner, strict=True)),
        left=tuple(int(c) if i else 0 for c, i in zip(left, inner, strict=True)),
        right=tuple(int(c) if i else 0 for c, i in zip(right, inner, strict=True)),
        value=tuple(0.0 if i else float(n) for n, i in zip(numbers, inner, strict=True)),
    )


def _blanked(model: bytes) -> bytes:
    read = json.loads(model)
    for tree in read["learner"]["gradient_booster"]["model"]["trees"]:
        for name in BLANKED:
            tree[name] = [0.0] * len(tree[name])
    return json.dumps(read).encode()
