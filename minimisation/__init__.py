"""Data minimisation: the contract, the forces' boundary, and the options that need no engine.

Everything that an option's author needs is importable from here; `docs/adding-an-option.md`
builds one from start to finish.
"""

from minimisation.contract.columns import Column
from minimisation.contract.domains import Bounds, Categories
from minimisation.contract.encoding import Encoding
from minimisation.contract.errors import (
    BudgetExceededError,
    MissingEngineError,
    NotApplicableError,
    PolicyError,
    SandboxError,
    StoreError,
    UseCaseError,
)
from minimisation.contract.measures import Measure, Scene
from minimisation.contract.options import Option
from minimisation.contract.privacy import PrivacyLoss
from minimisation.contract.questions import BinaryOutcome, GroupedStatistics, Statistic
from minimisation.contract.release import (
    Held,
    LinearModel,
    Microdata,
    Release,
    RiskModel,
    Statistics,
)
from minimisation.contract.steps import (
    Payload,
    PayloadKind,
    Premises,
    PrivateMechanism,
    Step,
    no_payload,
)
from minimisation.contract.trees import Tree, TreeModel
from minimisation.contract.usecase import BusinessAsUsual, Contribution, Floor, UseCase
from minimisation.forces.ask import Forces
from minimisation.forces.mechanisms import private_mechanism
from minimisation.forces.replies import Failure, Refusal, Replies

__all__ = [
    "BinaryOutcome",
    "Bounds",
    "BudgetExceededError",
    "BusinessAsUsual",
    "Categories",
    "Column",
    "Contribution",
    "Encoding",
    "Failure",
    "Floor",
    "Forces",
    "GroupedStatistics",
    "Held",
    "LinearModel",
    "Measure",
    "Microdata",
    "MissingEngineError",
    "NotApplicableError",
    "Option",
    "Payload",
    "PayloadKind",
    "PolicyError",
    "Premises",
    "PrivacyLoss",
    "PrivateMechanism",
    "Refusal",
    "Release",
    "Replies",
    "RiskModel",
    "SandboxError",
    "Scene",
    "Statistic",
    "Statistics",
    "Step",
    "StoreError",
    "Tree",
    "TreeModel",
    "UseCase",
    "UseCaseError",
    "no_payload",
    "private_mechanism",
]
