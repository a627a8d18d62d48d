"""A node's own rules for messages, before its force's policy is asked about the step.

What an order can name is fixed by class and by the digest of its code, that of every class inside
it included; how much comes in is limited by the size of a message and by the day.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime

from minimisation import PolicyError

MESSAGES = "gate/messages"
"""Name under which a force remembers the day and how many messages it has answered on it."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a node lets in."""

    approved: Mapping[str, str]
    """Class of a step, or of a value in one → SHA-256 of its code as it was approved."""
    most_messages: int = 10_000
    """Messages answered in a day, by UTC: rounds, and what opens and closes them."""
    most_received: int = 10_000_000
    """Bytes of one message that comes in."""

    def admit(self, memory: MutableMapping[str, bytes], size: int) -> None:
        """Count a message that has come in.

        Args:
            memory: the force's memory.
            size: bytes of the message.

        Raises:
            PolicyError: naming the limit that it breaks.
        """
        if size > self.most_received:
            raise PolicyError(f"a message must be at most {self.most_received} bytes")
        today = datetime.now(UTC).date().isoformat()
        day, _, count = memory.get(MESSAGES, b"").decode().partition(" ")
        answered = int(count) if day == today else 0
        if answered >= self.most_messages:
            raise PolicyError(f"messages in a day must be at most {self.most_messages}")
        memory[MESSAGES] = f"{today} {answered + 1}".encode()
