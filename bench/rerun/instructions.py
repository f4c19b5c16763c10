"""The processor's vector instructions of a record, for computing as it did on a newer processor.

PyTorch and the libraries below it choose the widest that there are, and sums come out otherwise by
their last bits; variables of the environment keep them to narrower ones.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_ORDER = ("DEFAULT", "AVX2", "AVX512")
_VARIABLES = {
    "DEFAULT": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
}


def choose(recorded: str, here: str) -> str:
    """What to compute with: what the record did where this processor has more, else what it has."""
    known = recorded in _ORDER and here in _ORDER
    return recorded if known and _ORDER.index(recorded) < _ORDER.index(here) else here


@contextlib.contextmanager
def kept_to(instructions: str) -> Iterator[None]:
    """Processes that are started meanwhile use no wider ones than these."""
    changed = _VARIABLES.get(instructions, {})
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
