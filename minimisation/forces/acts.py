"""What may be done to a force's stores, by whom, and as what it is logged (DPA 2018 s.62)."""

from dataclasses import dataclass

from minimisation.forces.actors import Role
from minimisation.forces.audit import Event


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that changes a force's stores, or opens what is closed."""

    what: str
    """What the actor signs, and what the log says."""
    event: Event
    """Kind of operation."""
    roles: frozenset[Role]
    """Who may do it."""


LOAD = Act(what="load feeds", event=Event.COLLECTION, roles=frozenset({Role.APPROVER}))
GRANT = Act(
    what="authorise a retrieval",
    event=Event.CONSULTATION,
    roles=frozenset({Role.APPROVER, Role.DPO}),
)
RETRIEVE = Act(
    what="retrieve from the archive",
    event=Event.CONSULTATION,
    roles=frozenset({Role.APPROVER, Role.DPO}),
)
PURGE = Act(
    what="purge from the archive",
    event=Event.ERASURE,
    roles=frozenset({Role.APPROVER, Role.DPO}),
)
ERASE = Act(what="erase a person", event=Event.ERASURE, roles=frozenset({Role.DPO}))
RECTIFY = Act(what="rectify records", event=Event.ALTERATION, roles=frozenset({Role.DPO}))
ENROL = Act(what="register an actor", event=Event.ALTERATION, roles=frozenset({Role.APPROVER}))
DISMISS = Act(what="forget an actor", event=Event.ALTERATION, roles=frozenset({Role.APPROVER}))
BACK_UP = Act(what="back up the key", event=Event.DISCLOSURE, roles=frozenset({Role.APPROVER}))
ACCEPT_LOSS = Act(
    what="accept the loss of entries", event=Event.ALTERATION, roles=frozenset({Role.DPO})
)
READ_AUDIT = Act(
    what="read the audit",
    event=Event.CONSULTATION,
    roles=frozenset({Role.DPO, Role.ASSESSOR, Role.APPROVER}),
)
