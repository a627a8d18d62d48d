"""Nine SYNTHETIC forces with planted truths, so that every measure can be judged against truth.

No person, place or force in them is real. `generate` writes them; `FORCES` describes them.
"""

from sandbox.demo.forces import AS_OF, FORCES, DemoForce
from sandbox.demo.writer import generate

__all__ = ["AS_OF", "FORCES", "DemoForce", "generate"]
