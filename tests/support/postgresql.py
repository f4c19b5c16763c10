"""A PostgreSQL server, started here on loopback, that can be stopped and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any


def find_program(name: str) -> str | None:
    """The newest installed; Debian keeps the server's programs out of the path."""
    installed = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    return installed[-1] if installed else shutil.which(name)


class Server:
    """An empty database in a folder; the server refuses to run as root and then is `nobody`'s."""

    def __init__(self, folder: Path) -> None:
        """folder: an empty one, which `nobody` can reach."""
        self.folder = folder
        self._user: dict[str, Any] = {"user": "nobody"} if os.getuid() == 0 else {}
        if self._user:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        initdb = [str(find_program("initdb")), "-D", str(folder / "data"), "-U", "bench"]
        subprocess.run(
            [*initdb, "--auth=trust", "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **self._user,
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._running: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Of the database."""
        return f"postgresql+psycopg://bench@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = ["-c", f"port={self._port}", "-c", "listen_addresses=127.0.0.1"]
        options += ["-c", "fsync=off", "-c", f"unix_socket_directories={self.folder}"]
        self._running = subprocess.Popen(
            [str(find_program("postgres")), "-D", str(self.folder / "data"), *options],
            cwd=self.folder, stderr=subprocess.PIPE, text=True, **self._user,
        )  # fmt: skip
        assert self._running.stderr is not None
        for line in self._running.stderr:
            if "ready to accept connections" in line:
                return
        raise AssertionError("the server ended")

    def stop(self) -> None:
        """Stop it, without waiting for its clients to leave."""
        assert self._running is not None
        self._running.send_signal(signal.SIGINT)
        self._running.communicate()
