"""Generated bad input: study files, overrides, genotypes and records, and what commands say of it.

Most commands run in this process, so that ten thousand take minutes; a sample of them is typed once
more in processes of their own, which have to say the same.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import strategies as st
from support import tiny_trials

from bench.records.store import Store
from bench.study.file import load
from campaign import odd
from campaign.commands import STUDY, Place
from campaign.outcome import Deadline, Part
from campaign.sandbox import Outcome, Sandbox

EXPECTED = "status 0 or 2; on 2 one clear line, no traceback; nothing written outside the results"
SHARES = {"study files": 0.4, "overrides": 0.25, "genotypes": 0.15, "records": 0.2}
SAMPLE, FIRST = 200, 60  # every so many inputs one is typed in a process of its own


def campaign(count: int, deadline: Deadline, folder: Path) -> Iterator[Part]:
    """So many inputs of all kinds together, as far as there is time."""
    sandbox = Sandbox(folder / "sandbox")
    place = Place(folder / "sample")
    kinds: dict[str, tuple[st.SearchStrategy[Any], TypeInput]] = {
        "study files": (odd.study_files(), Files(sandbox).study_file),
        "overrides": (odd.overrides(), Files(sandbox).override),
        "genotypes": (odd.genotypes(), Files(sandbox).genotype),
        "records": (corruptions(), Records(sandbox).corrupted),
    }
    left = sum(SHARES.values())
    for name, (strategy, type_input) in kinds.items():
        part = Part(f"bad input: {name}", EXPECTED)
        explorer = _Explorer(part, sandbox, place, deadline.share(SHARES[name] / left))
        left -= SHARES[name]
        with sandbox.entered():
            explorer.run(strategy, type_input, math.ceil(count * SHARES[name]))
        part.note = f"{explorer.refused} refused, {explorer.sampled} in processes"
        yield part.end()


Typed = tuple[list[str], bytes]
"""(the arguments of `bench`, the input that they read)."""
Draws = Callable[[Sequence[Any]], Any]
"""One of several, at random."""
TypeInput = Callable[[Any, Draws], Typed]
"""How an input is typed."""


class _Explorer:
    """Types one input after another and notes what is wrong with what comes of it."""

    def __init__(self, part: Part, sandbox: Sandbox, place: Place, deadline: Deadline) -> None:
        self.part, self.sandbox, self.place, self.deadline = part, sandbox, place, deadline
        self.refused = self.sampled = 0
        self._known: set[str] = set()

    def run(self, strategy: st.SearchStrategy[Any], type_input: TypeInput, count: int) -> None:
        @hypothesis.settings(
            max_examples=count, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet,
        )  # fmt: skip
        @hypothesis.seed(count)
        @hypothesis.given(strategy, st.data())
        def each(value: Any, data: st.DataObject) -> None:
            if self.deadline.left and self.part.count < count:
                self._try(*type_input(value, lambda items: data.draw(st.sampled_from(items))))

        each()

    def _try(self, arguments: list[str], content: bytes) -> None:
        outcome = self.sandbox.run(*arguments)
        self.part.count += 1
        self.refused += outcome.status == 2
        allowed = (0, 1, 2) if arguments[0] == "verify" else (0, 2)
        for kind, said in outcome.problems(allowed):
            if said not in self._known:  # an example of each
                self._known.add(said)
                self.part.found(kind, f"{said} <- {self._keep(arguments, content)}")
            else:
                self.part.found(kind, said)
        if self.part.count % SAMPLE == FIRST and not outcome.error:
            self._type_again(arguments, outcome)

    def _keep(self, arguments: list[str], content: bytes) -> str:
        """Keep an input that something is wrong with; where it is, or the command itself."""
        kept = self.sandbox.folder.parent / "kept"
        kept.mkdir(exist_ok=True)
        path = kept / f"{len(list(kept.iterdir()))}"
        path.write_bytes(repr(arguments).encode(errors="backslashreplace") + b"\n" + content)
        return f"{path} {arguments!a:.150}"

    def _type_again(self, arguments: list[str], outcome: Outcome) -> None:
        """In a process of its own: the same status and the same words."""
        self.sampled += 1
        ended = self.place.start_raw(*arguments, cwd=self.sandbox.here).end()
        part, where = self.part, f"{arguments!a:.150} in a process"
        part.check(not ended.has_traceback, "traceback", f"{where}: {ended.err[-300:]}")
        same = ended.status == outcome.status
        part.check(same, "different", f"{where}: {ended.status}, not {outcome.status}")
        if outcome.status == 2:
            said = ended.lines[-1:]
            expected = outcome.err.encode(errors="backslashreplace").decode().splitlines()[-1:]
            part.check(said == expected, "different", f"{where}: {said}, not {expected}")


class Files:
    """Inputs that are read before anything is run."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.path = sandbox.folder / "odd.yaml"
        self.results = ["--results", str(sandbox.results)]

    def _verb(self, draw: Draws) -> list[str]:
        verb = draw(("status", "status", "run", "run", "leaderboard", "claims", "sync", "tune"))
        return [verb, *DRY] if verb == "run" else [verb]

    def study_file(self, content: bytes, draw: Draws) -> Typed:
        """A study file with that content."""
        self.path.write_bytes(content)
        return [*self._verb(draw), str(self.path), *self.results], content

    def override(self, words: list[str], draw: Draws) -> Typed:
        """A shipped study with overrides."""
        study = draw(("quickstart", "collapse", "vinnas-ablation"))
        return [*self._verb(draw), study, *self.results, *words], b""

    def genotype(self, text: str, draw: Draws) -> Typed:
        """A genotype as the cell of the method `fixed`, or as a reference cell of the gate."""
        study: dict[str, Any] = {"name": "odd", "datasets": ["digits"], "seeds": [0]}
        space = draw(("darts", "nas-bench-201"))
        study |= {"space": {"name": space}, "methods": {"fixed": {"genotype": text}}}
        if draw((False, True)):
            study["methods"] = ["random"]
            study["gate"] = {"cells": {"a": text, "b": odd.GENOTYPES[2]}, "levels": [["a"], ["b"]]}
        content = json.dumps(study).encode()
        self.path.write_bytes(content)
        if draw((False, True)):
            words = ["--set", f"methods.fixed.genotype={text}".replace("\0", "")]
            return ["status", str(self.path), *self.results, *words], content
        return [*self._verb(draw)[:1], str(self.path), *self.results], content


@st.composite
def corruptions(draw: odd.Draw) -> Callable[[bytes], bytes]:
    """What is done to a file: cut, bytes changed, its JSON changed, replaced by something else."""
    kind = draw(st.sampled_from(("json", "json", "json", "cut", "bytes", "text", "other")))
    share, put = draw(st.floats(0, 1)), draw(st.binary(min_size=1, max_size=4))
    garbage = draw(st.sampled_from((*odd.GARBAGE, "[" * 100_000, '{"a":' * 5000))).encode()
    change = draw(st.randoms(use_true_random=False)), draw(odd.values)

    def corrupt(content: bytes) -> bytes:
        at = int(share * len(content))
        if kind == "cut":
            return content[:at]
        if kind == "bytes":
            return content[:at] + put + content[at + len(put) :]
        if kind == "text":
            return content[:at] + garbage + content[at:]
        if kind == "other" or not content.startswith(b"{"):
            return garbage
        return _change_json(content, *change)

    return corrupt


def _change_json(content: bytes, draw: Any, value: Any) -> bytes:
    """One value of it replaced or taken away; the shorter the way to it, the likelier it is."""
    holder = data = json.loads(content)
    while True:
        key = draw.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if not (isinstance(holder[key], dict | list) and holder[key]) or draw.random() < 0.15:
            break
        holder = holder[key]
    if draw.random() < 0.3:
        del holder[key]
    else:
        holder[key] = value
    return json.dumps(data, default=str, skipkeys=True).encode()


_QUICK, _SLOW = ("status", "run", "leaderboard", "claims", "rerun"), ("verify", "analyze")
DRY = ("--dry-run", "--estimate", "none")  # measuring a step would take most of the time
_READING = (*_QUICK * 3, *_SLOW)


class Records:
    """A study of four finished trials, one file of which is not as it should be."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.study = sandbox.folder / "small.yaml"
        self.study.write_text(STUDY)
        self.results = sandbox.results
        self.right = sandbox.folder / "right"
        for trial in load(str(self.study)).trials:
            Store(self.right).write(tiny_trials.record(trial), tiny_trials.posterior())
        self.others = ("gate.json", "population.json", "mlflow.db.logged.json")

    def corrupted(self, corrupt: Callable[[bytes], bytes], draw: Draws) -> Typed:
        """A command that reads the records."""
        folder = self.results / "small"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.right, folder)
        names = sorted(path.name for path in (self.right / "records").iterdir())
        name = draw([f"records/{one}" for one in names] * 2 + list(self.others))
        path = folder / name
        content = corrupt(path.read_bytes() if path.exists() else b'{"a": {"b": [1, null]}}')
        path.write_bytes(content)
        where = ["--results", str(self.results)]
        verb = draw(_READING)
        if verb == "rerun":  # a folder that has the record already: refused before it is run
            record = folder / "records" / draw([n for n in names if n.endswith(".json")])
            return ["rerun", str(record), *where, "--output", str(folder)], content
        dry = DRY if verb == "run" else ()
        return [verb, str(self.study), *dry, *where], content
