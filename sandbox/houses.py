"""The forces' houses of a workspace: where each keeps its key, and who acts on a plan's first run.

A house that a plan makes is closed like any other. Its first run makes the approver's key, and on
demo and public data the data protection officer's too, in the workspace's folder of keys; commands
take them from there. A real force names its own officers: `sandbox forces create` and `actor`.
"""

import os
from pathlib import Path

from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.home import Home
from minimisation.forces.keys import KeyFile, KeyVariable
from minimisation.forces.linkage.at_load import Linkage
from minimisation.forces.linkage.exact import LinkageHolder
from minimisation.forces.paths import Paths


def force_home(folder: Path, keys: Path, force: str) -> Home:
    """A force's house; its key is made on first use.

    The key is in the variable SANDBOX_KEY_FORCE (hyphens as underscores) if that is set, and else
    in a file of the folder that SANDBOX_KEYS names, or of `keys`.

    Raises:
        UseCaseError: if the force's name cannot be a folder's.
        StoreError: if there is data but no key, or the key cannot be read.
    """
    paths = Paths(root=Paths.of(folder, force).root, anchors=keys / "anchors" / folder.name / force)
    variable = f"SANDBOX_KEY_{force.upper().replace('-', '_').replace(' ', '_')}"
    if variable in os.environ:
        return Home(paths=paths, key=KeyVariable(name=variable).read(force))
    where = Path(os.environ.get("SANDBOX_KEYS", keys)) / folder.name
    source = KeyFile(path=where / f"{force}.key")
    fresh = not source.path.exists() and not paths.live.exists()
    return Home(paths=paths, key=source.create(force) if fresh else source.read(force))


def officer(home: Home, role: Role) -> ActorKey | None:
    """The key of an officer of a plan's first run, or None."""
    path = _officers(home) / f"{role.value}.pem"
    return ActorKey.read(path) if path.is_file() else None


def first_run(home: Home, *, real: bool) -> None:
    """Register whoever runs a plan first as the force's approver, unless it has its own actors.

    Args:
        home: the force's house.
        real: whether the data is protected: then nobody becomes data protection officer by
            running a plan, and rows are erased only after the approver registered one.
    """
    if home.register.actors():
        return
    for role in (Role.APPROVER,) if real else (Role.APPROVER, Role.DPO):
        key = officer(home, role) or ActorKey.create(_officers(home) / f"{role.value}.pem")
        actor = Actor(name=f"first run, {role.value}", role=role, public=key.public)
        home.enrol(actor, officer(home, Role.APPROVER))


def stand_in_linkage(keys: Path) -> Linkage:
    """Study key and linkage holder of a trial, both kept in the workspace.

    A real holder is another party with a machine of its own: its tokens come as a column of the
    data (`data.token`).
    """
    study, holder = (
        source.read(name) if source.path.is_file() else source.create(name)
        for name in ("study", "linkage holder")
        for source in [KeyFile(path=keys / "linkage" / f"{name.replace(' ', '-')}.key")]
    )
    return Linkage(study_key=study.material, holder=LinkageHolder(key=holder.material))


def keys_of(home: Home) -> Path:
    """The folder of keys of the workspace that a force's house stands in."""
    # the anchors' folder is keys/anchors/STORES/FORCE
    return home.paths.anchors.parents[2]


def _officers(home: Home) -> Path:
    return keys_of(home) / home.paths.anchors.parent.name / "officers"
