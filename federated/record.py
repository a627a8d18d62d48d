"""What a force remembers of a secure sum, and the rules that depend on it."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Self

from minimisation import PolicyError, Premises
from minimisation.forces.audit import Audit, Entry, Event

_PREFIX = "secure-sum"
_OPEN = ("session", "private", "offers", "turn", "statement", "seed")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A force's memory of the secure sums of one use case."""

    memory: MutableMapping[str, bytes] = field(repr=False)
    """The force's memory."""
    purpose: str
    """The use case."""

    @classmethod
    def of(cls, premises: Premises) -> Self:
        """The record of the force in which a step runs."""
        return cls(memory=premises.memory, purpose=premises.use_case.name)

    def open(self, session: bytes, roster: tuple[str, ...], private: bytes) -> None:
        """Begin a session and erase all that is left of an earlier one: it is never unmasked.

        Raises:
            PolicyError: if another roster has been unmasked for this purpose before.
        """
        unmasked = self.memory.get(self._name("roster"))
        if unmasked is not None and unmasked != _join(roster):
            raise PolicyError(
                "the roster must be the one already unmasked for this use case: a total over "
                "other forces could be subtracted from it"
            )
        for name in _OPEN:
            self.memory.pop(self._name(name), None)
        self.memory[self._name("session")] = session
        self.memory[self._name("private")] = private

    def key_of(self, session: bytes) -> bytes:
        """The private key of the open session.

        Raises:
            PolicyError: if another session, or none, is open.
        """
        if self.memory.get(self._name("session")) != session:
            raise PolicyError("the session must be the one that the force opened last")
        return self.memory[self._name("private")]

    def recognise(self, member: str, identity: bytes) -> None:
        """Check an identity against the one pinned, or pin it where it is the first.

        Raises:
            PolicyError: if it is not the one that the force knows.
        """
        if self.memory.setdefault(peer(member), identity) != identity:
            raise PolicyError(f"force '{member}' must sign with the identity known for it")

    def accept(self, offers: bytes) -> None:
        """Remember everybody's keys for the open session."""
        self.memory[self._name("offers")] = offers

    @property
    def offers(self) -> bytes:
        """Everybody's keys.

        Raises:
            PolicyError: if none were accepted in the open session.
        """
        return self._get("offers", "the roster must be accepted before a turn")

    def begin(self, turn: int, statement: bytes, seed: bytes) -> None:
        """Begin a turn; the one before, if it was not unmasked, never will be.

        Raises:
            PolicyError: if the turn is not later than every turn before.
        """
        last = int(self.memory.get(self._name("turn"), b"0"))
        if turn <= last:
            raise PolicyError(f"turn ({turn}) must be later than the last one ({last})")
        self.memory[self._name("turn")] = str(turn).encode()
        self.memory[self._name("statement")] = statement
        self.memory[self._name("seed")] = seed

    @property
    def statement(self) -> bytes:
        """What every member must have signed before this force unmasks.

        Raises:
            PolicyError: if no turn is open.
        """
        return self._get("statement", "a turn must be open; an aborted one is never unmasked")

    def reveal(self, roster: tuple[str, ...]) -> bytes:
        """Give the open turn's own mask away, once; from here on the roster is the only one."""
        self.memory[self._name("roster")] = _join(roster)
        self.memory.pop(self._name("statement"))
        return self.memory.pop(self._name("seed"))

    def _get(self, name: str, rule: str) -> bytes:
        found = self.memory.get(self._name(name))
        if found is None:
            raise PolicyError(rule)
        return found

    def _name(self, name: str) -> str:
        return f"{_PREFIX}/{self.purpose}/{name}"


def peer(member: str) -> str:
    """Name under which a force remembers another's identity; set beforehand where it is known."""
    return f"{_PREFIX}/identity/{member}"


def forget_roster(memory: MutableMapping[str, bytes], audit: Audit, purpose: str, why: str) -> None:
    """Release a force from the roster that it has unmasked, by its operator's decision.

    Totals over the old roster and over a new one that differs by one force give that force's part
    away; so the decision is logged before it takes effect, and no message can bring it about.

    Args:
        memory: the force's memory.
        audit: the force's log.
        purpose: the use case.
        why: the operator's reason.
    """
    what, event = "forget the roster of the secure sum", Event.ALTERATION
    audit.record(Entry(event=event, what=what, purpose=purpose, outcome=f"done: {why}"))
    memory.pop(f"{_PREFIX}/{purpose}/roster", None)


def _join(roster: tuple[str, ...]) -> bytes:
    return "\n".join(roster).encode()
