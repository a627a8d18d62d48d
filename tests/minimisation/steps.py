"""Steps that are asked of forces: honest ones, greedy ones, slow ones and broken ones."""

from dataclasses import dataclass

import pyarrow as pa

from minimisation import (
    LinearModel,
    Payload,
    PayloadKind,
    Premises,
    PrivacyLoss,
    Scene,
    UseCase,
    no_payload,
    private_mechanism,
)
from minimisation.contract.encoding import Encoding

ONE_COUNT = pa.schema([("n", pa.int64())])


class OneCount:
    """A step that promises one count."""

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        return Payload(kind=PayloadKind.STATISTICS, schema=ONE_COUNT, most_rows=1)


@dataclass(frozen=True, kw_only=True)
class Count(OneCount):
    """How many rows a force holds."""

    name: str = "count"

    def run(self, premises: Premises) -> pa.Table:
        return premises.query("select count(*) as n from people")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Ages, one per person, honestly declared as rows or passed off as statistics."""

    kind: PayloadKind = PayloadKind.ROWS
    most_rows: int | None = None
    name: str = "rows"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        schema = pa.schema([("age", pa.float64())])
        return Payload(kind=self.kind, schema=schema, most_rows=self.most_rows)

    def run(self, premises: Premises) -> pa.Table:
        return premises.query("select age from people")


@dataclass(frozen=True, kw_only=True)
class Echo:
    """Sends back whatever it is given, as a model update within a public range."""

    name: str = "echo"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        schema = pa.schema([("weight", pa.float64())])
        return Payload(kind=PayloadKind.UPDATE, schema=schema, most_rows=3, low=-1.0, high=1.0)

    def run(self, premises: Premises) -> pa.Table:
        assert premises.inputs is not None
        return premises.inputs


@dataclass(frozen=True, kw_only=True)
class Broken(OneCount):
    """Fails with an error that quotes a person's record."""

    name: str = "broken"

    def run(self, premises: Premises) -> pa.Table:
        name = premises.query("select family_name from people limit 1")["family_name"][0].as_py()
        raise RuntimeError(f"could not process {name}")


@dataclass(frozen=True, kw_only=True)
class Slow(OneCount):
    """A query that would run for minutes."""

    name: str = "slow"

    def run(self, premises: Premises) -> pa.Table:
        if premises.force == "brackley":
            return premises.query(
                "select count(*) as n from range(10000000000) t(i) where i % 7 = 3"
            )
        return premises.query("select count(*) as n from people")


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class Noisy(OneCount):
    """A registered mechanism; the noise itself is not what these tests are about."""

    epsilon: float = 1.0
    name: str = "noisy"

    def run(self, premises: Premises) -> pa.Table:
        return premises.query("select 42::bigint as n")

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        return PrivacyLoss(
            epsilon=self.epsilon,
            delta=0.0,
            unit=use_case.unit,
            bounds=(("groups", 1), ("rows", 1)),
            forces=1,
            mechanism="discrete Laplace",
        )


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Keeps a model inside the force."""

    name: str = "keep"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        return no_payload()

    def run(self, premises: Premises) -> pa.Table:
        encoding = Encoding.features(premises.use_case, ("prior",))
        premises.hold("model", LinearModel(encoding=encoding, intercept=0.0, weights=(1.0,)))
        return pa.table({})


@dataclass(frozen=True, kw_only=True)
class Who:
    """A measure that tells how many it saw on each side, and what it was given to judge."""

    name: str = "who"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("members", pa.int64()), ("held_out", pa.int64()), ("kind", pa.string())])

    def observe(self, scene: Scene) -> pa.Table:
        counts = [len(side.fetchall()) for side in (scene.members, scene.held_out)]
        kind = type(scene.artefact).__name__
        return pa.table([[counts[0]], [counts[1]], [kind]], schema=self.schema)
