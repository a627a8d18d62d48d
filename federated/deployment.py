"""A deployment on this machine, for trying: one SuperLink, one SuperNode per force, TLS, keys.

On machines of their own the same programs run with the forces' own certificates; see
`docs/deploying.md`. The app that travels is a configuration without code: what a node runs is the
code installed on it.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from federated.app_files import write_app
from federated.certificates import Authority, node_key
from federated.left_running import FAREWELL, kept, leave
from minimisation import SandboxError

PATIENCE = 600.0
"""Seconds that a program has to start; generous, for a machine that is busy."""


@dataclass(kw_only=True)
class Loopback:
    """A federation of processes on this machine's loopback address; use it with `with`."""

    folder: Path
    """Keys, certificates and logs; nothing is written elsewhere."""
    nodes: Mapping[str, Mapping[str, Any]]
    """Force → its node's configuration, `opener` included."""
    route: Callable[[int], int] = lambda port: port
    """The port at which nodes are told to find the server's port; a proxy may lie between."""
    _programs: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict, init=False)
    _port: int = field(default=0, init=False)
    _reached: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        """Start the server, register every node's key, start the nodes.

        Raises:
            SandboxError: if a program ends instead of starting; nothing stays running.
        """
        try:
            self._start()
        except SandboxError:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop every program."""
        self.stop()

    def stop(self) -> None:
        """Stop every program that was started, nodes first."""
        for program in reversed(self._programs.values()):
            program.terminate()
        deadline = time.monotonic() + FAREWELL
        for program in self._programs.values():
            try:
                program.wait(timeout=max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        self._programs.clear()

    def detach(self) -> None:
        """Leave the programs running when this process ends; `attached` finds them again."""
        leave(self.folder, self._programs, port=self._port, nodes=dict(self.nodes))
        self._programs.clear()

    @classmethod
    def attached(cls, folder: Path) -> Self:
        """A federation that was left running in a folder.

        Raises:
            SandboxError: if there is none.
        """
        known = kept(folder)
        found = cls(folder=folder, nodes=known["nodes"])
        found._port = found._reached = known["port"]
        return found

    def run(self, config: Mapping[str, str | int], *, timeout: float = 3600.0) -> str:
        """Run the app once.

        Args:
            config: the run's configuration, as `federated.server_app.main` wants it.
            timeout: seconds that it may take.

        Returns:
            What the run logged.

        Raises:
            SandboxError: if it fails or takes too long; the log is in the folder.
        """
        app = write_app(self.folder)
        given = self._settings("run.toml", config)
        words = ["run", str(app), "loopback", "--stream", "--run-config", str(given)]
        said = self._flwr(words, timeout)
        (self.folder / "run.log").write_text(said, "utf-8")
        if "Exit Code:" in said:  # flwr itself ends well where the app on the server did not
            raise SandboxError(f"the run must succeed; see {self.folder.name}/run.log")
        return said

    def start_node(self, name: str, *, key: Path, authority: Path) -> "subprocess.Popen[bytes]":
        """Start a node with a key and a root certificate; it may turn out not to be admitted."""
        given = self._settings(f"node-{name}.toml", self.nodes[name])
        opener = str(self.nodes[name]["opener"]).partition(":")[0]
        return self._program(
            f"{len(self._programs)}-{name}",
            *("python", "-m", "federated.runner", "--load", opener),
            *("--port", str(free_port())),
            *("--root-certificates", str(authority)),
            *("--superlink", f"127.0.0.1:{self._reached}"),
            *("--auth-supernode-private-key", str(key)),
            *("--max-retries", "3"),
            *("--node-config", str(given)),
        )

    @property
    def authority(self) -> Path:
        """The root certificate that nodes and users trust."""
        return self.folder / "ca.crt"

    def _start(self) -> None:
        Authority.create(self.folder)
        self._port = free_port()
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        (home / "config.toml").write_text(
            f'[superlink]\ndefault = "loopback"\n\n[superlink.loopback]\n'
            f'address = "127.0.0.1:{self._port}"\nroot-certificates = "{self.authority}"\n',
            "utf-8",
        )
        self._program(
            "server",
            "flower-superlink",
            *("--ssl-ca-certfile", str(self.authority)),
            *("--ssl-certfile", str(self.folder / "server.pem")),
            *("--ssl-keyfile", str(self.folder / "server.key")),
            "--enable-supernode-auth",
            "--disable-runtime-dependency-installation",
            *("--database", ":flwr-in-memory:"),  # its SQLite file is found locked under load
            *("--host", "127.0.0.1", "--port", str(self._port)),
        )
        self._await(self._port, "server")
        self._reached = self.route(self._port)
        for name in self.nodes:
            public = node_key(self.folder / f"{name}-key")
            self._flwr(["supernode", "register", str(public)], PATIENCE)
            self.start_node(name, key=public.with_suffix(""), authority=self.authority)

    def _settings(self, name: str, settings: Mapping[str, Any]) -> Path:
        """Write names and plain values as TOML, whose strings and numbers JSON's are."""
        path = self.folder / name
        lines = [f"{entry} = {json.dumps(value)}\n" for entry, value in settings.items()]
        path.write_text("".join(lines), "utf-8")
        return path

    def _program(self, name: str, *words: str) -> "subprocess.Popen[bytes]":
        command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
        log: IO[bytes]
        with (self.folder / f"{name}.log").open("wb") as log:
            program = subprocess.Popen(  # noqa: S603 - own programs, no shell
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
            )
        self._programs[name] = program
        return program

    def _flwr(self, words: list[str], timeout: float) -> str:
        command = [str(Path(sys.executable).parent / "flwr"), *words]
        try:
            done = subprocess.run(  # noqa: S603 - own program, no shell
                command,
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"flwr {words[0]} must end within {timeout:g} s") from error
        said = done.stdout + done.stderr
        if done.returncode != 0:
            raise SandboxError(f"flwr {words[0]} must succeed; it said: {said.strip()[-300:]}")
        return said

    def _environment(self) -> dict[str, str]:
        quiet = {
            "FLWR_HOME": str(self.folder / "home"),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.4",
        }
        path = os.pathsep.join(entry for entry in sys.path if entry)
        scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return os.environ | quiet | {"PYTHONPATH": path, "PATH": scripts}

    def _await(self, port: int, name: str) -> None:
        """Wait until a program answers at its port.

        Raises:
            SandboxError: if it ends, or does not answer in time.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self._programs[name].poll() is not None:
                raise SandboxError(f"{name} must keep running; see {name}.log in the folder")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        raise SandboxError(f"{name} must answer within {PATIENCE:g} s")


def free_port() -> int:
    """A port of the loopback address that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
