"""The app that travels to the server: a configuration that names what is installed, and no code."""

from pathlib import Path

APP = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "minimisation-federation"
version = "1.0.0"
description = "Names the apps that are installed on server and nodes; carries no code."
license = "Apache-2.0"

[tool.flwr.app]
publisher = "forces"

[tool.flwr.app.components]
serverapp = "federated.server_app:app"
clientapp = "federated.client_app:app"

[tool.flwr.app.config]
forces = ""
option = ""
parameters = "{}"
seed = 1
use-case = ""
plan = ""
workspace = ""
result = ""
checkpoint = ""
"""


def write_app(folder: Path) -> Path:
    """Write the app; returns its folder."""
    place = folder / "app"
    place.mkdir(exist_ok=True)
    (place / "pyproject.toml").write_text(APP, "utf-8")
    return place
