"""The options of the lean core: baselines, rows of real people, and tables."""

from minimisation.contract.options import Option
from minimisation.options.business_as_usual import BusinessAsUsualOption
from minimisation.options.each_force_alone import EachForceAlone
from minimisation.options.field_minimisation import FieldMinimisation
from minimisation.options.k_anonymity import KAnonymity
from minimisation.options.non_personal import NonPersonal
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.options.pseudonymisation import Pseudonymisation
from minimisation.options.randomised_response import RandomisedResponseOption
from minimisation.options.raw_pool import RawPool
from minimisation.options.subsample import Subsample

OPTIONS: tuple[Option, ...] = (
    BusinessAsUsualOption(),
    NonPersonal(),
    RawPool(),
    Subsample(share=0.01),
    Subsample(share=0.05),
    Subsample(share=0.40),
    EachForceAlone(),
    FieldMinimisation(),
    Pseudonymisation(),
    KAnonymity(),
    PrivateStatistics(),
    RandomisedResponseOption(),
)
"""Every option of this package with its default parameters, baselines first."""

__all__ = [
    "OPTIONS",
    "BusinessAsUsualOption",
    "EachForceAlone",
    "FieldMinimisation",
    "KAnonymity",
    "NonPersonal",
    "PrivateStatistics",
    "Pseudonymisation",
    "RandomisedResponseOption",
    "RawPool",
    "Subsample",
]
