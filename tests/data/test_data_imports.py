"""What importing the data package may cost."""

from __future__ import annotations

import subprocess
import sys


def test_names_need_no_torch_and_loading_needs_only_torch_numpy_and_pydantic() -> None:
    program = (
        "import sys, bench.data.registry, bench.data.config; assert 'torch' not in sys.modules;"
        "import bench.data.loading, bench.data.idx, bench.data.torchvision_sets;"
        "import bench.data.digits, bench.data.own.image_folder, bench.data.own.npz;"
        "import bench.data.own.torch_dataset;"
        "heavy = {'torchvision', 'sklearn', 'scipy', 'PIL', 'pandas'};"
        "found = heavy & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
