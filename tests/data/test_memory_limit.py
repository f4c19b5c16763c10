"""More images than memory: a limit that the system enforces, with and without the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import limited

LIMIT = 800 * limited.MB


@pytest.mark.slow
def test_a_folder_larger_than_the_memory_is_trained_on_with_the_same_bits(tmp_path: Path) -> None:
    folder, root = tmp_path / "images", tmp_path / "root"
    decoded = limited.make_folder(folder, images=1800, side=480)
    assert decoded > 1.5 * LIMIT  # results/storage.md has four times
    with limited.control_group(LIMIT) as group:
        if group is None:
            pytest.skip("no control group can be made here")
        assert limited.finish(limited.start(group, folder, root, "device")) is None  # killed
        done = limited.kill_midway(limited.start(group, folder, root, "disk"), root, 0.3)
        on_disk = limited.finish(limited.start(group, folder, root, "disk"))
        assert limited.peak(group) <= LIMIT
    assert on_disk is not None and 0 < done < 1440
    in_memory = limited.finish(limited.start(None, folder, root, "device"))
    assert in_memory is not None
    assert (on_disk["bits"], on_disk["digest"]) == (in_memory["bits"], in_memory["digest"])
