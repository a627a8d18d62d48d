"""Digest of a step's code, so that a force approves what runs and not only what it is called.

It covers the file of the step's class and every file of this project that it imports, directly or
not. Code of third-party packages is pinned by the installation, not here.
"""

import ast
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGES = ("minimisation", "synthetic", "federated", "sandbox")
"""Packages of this project, whose code a step can reach."""


@cache
def code_digest(step: type) -> str:
    """SHA-256 over the class's name and the sources that it depends on, in hexadecimal.

    Raises:
        TypeError: if the class has no source file, such as one typed into a prompt.
    """
    own = Path(inspect.getfile(step))
    digest = hashlib.sha256(step.__qualname__.encode())
    for path in sorted(_reached(own, step.__module__), key=str):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _reached(own: Path, module: str) -> set[Path]:
    found, waiting = {own}, [(own, module)]
    while waiting:
        path, name = waiting.pop()
        for imported in _imports(path, name):
            spec = importlib.util.find_spec(imported)
            if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
                continue
            if (origin := Path(spec.origin)) not in found:
                found.add(origin)
                waiting.append((origin, imported))
    return found


@cache
def _imports(path: Path, name: str) -> tuple[str, ...]:
    return tuple(sorted(set(_named(ast.parse(path.read_text("utf-8")), name))))


def _named(tree: ast.Module, module: str) -> Iterator[str]:
    """Modules of this project that a file imports by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, module)
            candidates = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for candidate in candidates:
            if candidate.split(".")[0] in PACKAGES and _is_module(candidate):
                yield candidate


def _is_module(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
