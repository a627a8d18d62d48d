"""Finds and loads DuckDB's OpenSSL module, without which nothing is ever written.

DuckDB's built-in crypto can read encrypted files but has no secure source of nonces; the module
that ships with its `httpfs` extension does (DuckDB documentation, "Encryption").
"""

import importlib.util
from pathlib import Path

import duckdb

from minimisation.contract.errors import MissingEngineError
from minimisation.forces import sql

PACKAGE = "duckdb_extension_httpfs"
"""Python package that carries the signed extension, so that no download is needed."""


def module_path() -> Path | None:
    """The extension that fits the installed DuckDB, or None."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        return None
    for location in spec.submodule_search_locations:
        path = Path(location) / "extensions" / f"v{duckdb.__version__}"
        if (found := path / "httpfs.duckdb_extension").is_file():
            return found
    return None


def load(connection: duckdb.DuckDBPyConnection) -> bool:
    """Load the module if it is there; False if it is not. The signature is DuckDB's to check."""
    path = module_path()
    if path is None:
        return False
    connection.execute(f"load {sql.text(str(path))}")
    return True


def require(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the module before anything is written.

    Raises:
        MissingEngineError: naming the package to install.
    """
    if not load(connection):
        msg = "writing encrypted data needs DuckDB's OpenSSL module: pip install"
        raise MissingEngineError(f"{msg} {PACKAGE.replace('_', '-')}=={duckdb.__version__}")
