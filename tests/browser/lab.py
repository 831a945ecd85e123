"""A JupyterLab of one's own: own configuration, data and notebook folder, a free port on 127.0.0.1, a random token."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

REPOSITORY = Path(__file__).parents[2]
STARTED_WITHIN = 90.0
"""Seconds a server may take to answer before the test fails; a bound on hanging, not a speed test."""

_SETTINGS: dict[str, dict[str, Any]] = {
    # either would ask the network
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/extensionmanager-extension:plugin": {"enabled": False},
    # a popup of completions or brackets closed by the editor would change what a test types
    "@jupyterlab/completer-extension:manager": {"autoCompletion": False},
    "@jupyterlab/codemirror-extension:plugin": {"defaultConfig": {"autoClosingBrackets": False}},
}


class LabServer:
    """A running JupyterLab whose notebooks live in `root`. End it with `stop`, which ends only what it started.

    Attributes:
        kept: ids of kernels that live on between tests.
    """

    def __init__(self, folder: Path) -> None:
        """Start in `folder` and return when the server answers; raises with the end of its log if it doesn't."""
        self.root = folder / "notebooks"
        self.log = folder / "lab.log"
        self.kept: set[str] = set()
        for name in ("notebooks", "config", "data", "runtime", "settings", "workspaces", "ipython"):
            (folder / name).mkdir(parents=True)
        _write_settings(folder / "settings")
        self.port = _free_port()
        self.token = secrets.token_hex(16)
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "IPYTHONDIR": str(folder / "ipython"),
            # the kernel finds the package of this tree even where it isn't installed
            "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")])),
        }
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
            *(f"--port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}"),
            *(f"--ServerApp.root_dir={self.root}", "--LabApp.expose_app_in_browser=True"),
            *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
            *("--LabApp.extension_manager=readonly", "--ServerApp.terminals_enabled=False"),
        ]
        self._output: IO[bytes] = self.log.open("wb")
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where it answers, without the token."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One call of the server's own interface; the parsed answer, or None when it is empty."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body and json.dumps(body), {"Authorization": f"token {self.token}"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= http.client.BAD_REQUEST:
                raise OSError(f"{method} {path}: {answer.status} {text[:200]!r}")
            return json.loads(text) if text else None
        finally:
            connection.close()

    def kernel_of(self, path: str) -> str:
        """Id of the kernel that a notebook talks to."""
        kernel: str = next(s["kernel"]["id"] for s in self.ask("GET", "/api/sessions") if s["path"] == path)
        return kernel

    def connect(self, path: str, kernel: str) -> None:
        """Let a notebook find a kernel that runs already, as "change kernel" does, before it is opened."""
        self.ask("POST", "/api/sessions", {"path": path, "name": path, "type": "notebook", "kernel": {"id": kernel}})

    def end_sessions(self) -> None:
        """End every kernel of this server but those `kept`, so that the next test finds none of the last one's."""
        for kernel in self.ask("GET", "/api/kernels"):  # sessions end with their kernels
            if kernel["id"] not in self.kept:
                self.ask("DELETE", f"/api/kernels/{kernel['id']}")

    def stop(self) -> None:
        """Ask the server to end its kernels and itself; insist after a while."""
        if self._process.poll() is None:
            try:
                self.ask("POST", "/api/shutdown")
            except OSError:
                self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._output.close()

    def _wait(self) -> None:
        """Poll until the server answers: it offers nothing to wait on but its port."""
        end = time.monotonic() + STARTED_WITHIN
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended with {self._process.returncode}:\n{self.tail()}")
            try:
                self.ask("GET", "/api/status")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"JupyterLab did not answer within {STARTED_WITHIN:.0f} s:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of its log, where kernels write what went wrong, too."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_settings(folder: Path) -> None:
    for plugin, values in _SETTINGS.items():
        package, name = plugin.split(":")
        path = folder / package / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
