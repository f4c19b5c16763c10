"""A SLURM of two nodes on this machine, from Debian's packages, on ports of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
_SETTINGS = """\
ClusterName=two
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
SlurmctldParameters=preempt_send_user_signal
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdTimeout=5
KillWait=5
ReturnToService=2
MailProg=/bin/true
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=4000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=4000
PartitionName=low Nodes=n1,n2 Default=YES PriorityTier=1 State=UP
PartitionName=high Nodes=n1,n2 PriorityTier=2 State=UP
"""
NODES = ("n1", "n2")


def reason_to_skip() -> str:
    """Why there can be no SLURM here; empty where there can be one."""
    if os.getuid() != 0:
        return "SLURM's daemons are started as root here"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [command for command in _COMMANDS if not shutil.which(command, path=path)]
    return f"SLURM is not installed ({missing[0]} is missing)" if missing else ""


class SlurmMachine:
    """The daemons. `variables`: of the environment, for commands that are to use this SLURM."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        self.variables = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
        (folder / "state").mkdir()
        for node in NODES:
            (folder / node).mkdir()
        settings = _SETTINGS.format(
            host=socket.gethostname().partition(".")[0], folder=folder, ports=_free_ports(3)
        )
        (folder / "slurm.conf").write_text(settings)
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)

    def start(self) -> None:
        """Start all daemons and wait until both nodes are idle."""
        at = self.folder
        self._run(
            "munged", "--force", f"--key-file={at}/munge.key", f"--socket={at}/munge.socket",
            f"--pid-file={at}/munged.pid", f"--log-file={at}/munged.log",
            f"--seed-file={at}/munged.seed",
        )  # fmt: skip
        self._run("slurmctld", "-c")
        for node in NODES:
            self.start_node(node)
        self.wait_idle()

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        self._run("slurmd", "-N", node, MACHINE_NODE=node)

    def wait_idle(self, seconds: float = 60.0) -> None:
        """Wait until no job is left and both nodes are free."""
        end = time.monotonic() + seconds
        while self.ask("sinfo", "-h", "-N", "-o", "%N %t", "-p", "low").split() != [
            "n1", "idle", "n2", "idle"
        ]:  # fmt: skip
            assert time.monotonic() < end, self.ask("sinfo", "-N", "-l")
            time.sleep(0.2)

    def kill_node(self, node: str) -> None:
        """SIGKILL to its daemon and to everything that it has started, as in a power cut."""
        for _ in range(2):  # what was being started meanwhile
            for process in self._processes(f"MACHINE_NODE={node}", f"SLURMD_NODENAME={node}"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def jobs(self, states: str = "all") -> dict[str, tuple[str, str]]:
        """State and node by job, as "3_1"."""
        lines = self.ask(
            "squeue", "--array", "--noheader", f"--states={states}", "--format=%i|%T|%N"
        ).splitlines()
        fields = [line.split("|") for line in lines]
        return {job: (state, node) for job, state, node in fields}

    def alive(self) -> dict[str, tuple[str, str]]:
        """Those of jobs that wait, run or come to their end."""
        return self.jobs("PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING,STOPPED,SIGNALING")

    def ask(self, *command: str) -> str:
        """What a command of SLURM's prints."""
        return self._run(*command).stdout

    def close(self) -> None:
        """End everything that was started."""
        with contextlib.suppress(subprocess.SubprocessError):
            self._run("scancel", "--user=root")
        daemons = ("slurmctld", "munged", *(f"slurmd-{node}" for node in NODES))
        for daemon in daemons:
            with contextlib.suppress(OSError, ValueError):
                pid = int((self.folder / f"{daemon}.pid").read_text())
                os.kill(pid, signal.SIGKILL)
        for node in NODES:
            self.kill_node(node)

    def _run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.variables, **variables}
        log = self.folder / "started.log"
        with log.open("a") as errors:
            return subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True,
                check=True, timeout=60,
            )  # fmt: skip

    def _processes(self, *marks: str) -> list[int]:
        """Processes of this SLURM that have one of these variables."""
        ours, wanted = f"SLURM_CONF={self.folder}/slurm.conf", {mark.encode() for mark in marks}
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                variables = set(path.read_bytes().split(b"\0"))
                if ours.encode() in variables and variables & wanted:
                    found.append(int(path.parent.name))
        return found


@contextlib.contextmanager
def open_machine() -> Iterator[SlurmMachine]:
    """A SLURM that is ended in the end. Its folder has a short name, as a socket's has to."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        machine = SlurmMachine(Path(folder))
        try:
            machine.start()
            yield machine
        finally:
            machine.close()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
