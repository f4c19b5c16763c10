"""One CPU thread: the machine is shared, and bits depend on the number. No deadlines either."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
