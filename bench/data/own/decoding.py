"""Image files as tensors, decoded in a bounded number of threads.

JPEG files are decoded by torchvision, which takes half of Pillow's time and gives the same pixels
(both use libjpeg-turbo); whatever else there is, turned photographs included, by Pillow.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

from bench import capacity
from bench.data.own.files import show_path
from bench.data.own.pixels import from_pil, is_turned
from bench.data.resizing import Sizing
from bench.errors import DataError, one_line

T = TypeVar("T")

MOST = 16
"""Threads at most, however many cores there are."""


def decode(path: str, sizing: Sizing | None) -> tuple[Tensor, Counter[str]]:
    """One image as uint8 [1 or 3, height, width], and what was done to it (`pixels.from_pil`).

    Raises DataError, naming the file.
    """
    from PIL import Image

    changed: Counter[str] = Counter()
    try:
        with Image.open(path) as image:
            pixels = None
            if image.format == "JPEG" and image.mode in ("L", "RGB") and not is_turned(image):
                pixels = _decode_jpeg(path)
            if pixels is None:
                pixels = from_pil(image, changed)
    except Exception as error:  # decoders raise many types for damaged files
        reason = one_line(error).replace(f" {path!r}", "")
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        raise DataError(
            f"{show_path(path)} is not a usable image ({reason}): replace or delete it"
        ) from error
    return pixels if sizing is None else sizing.apply(pixels[None])[0], changed


def peek(path: str) -> tuple[int, int, int] | None:
    """(channels, height, width) from an image file's header; None where it has none."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            width, height = image.size
            grey = image.mode in ("1", "L", "LA") or image.mode.startswith("I;16")
            return 1 if grey else 3, height, width
    except Exception:  # decoders raise many types for damaged files; decoding says what is wrong
        return None


def in_order(work: Callable[[T], Tensor], items: Sequence[T]) -> Iterator[Tensor]:
    """`work` of every item, in order, done ahead by as many threads as there are cores.

    At most twice as many results as threads are held. Raises what the first failing `work` raises.
    Until the end torch computes with one thread in each of them.
    """
    threads = min(MOST, len(items), capacity.cores())
    if threads < 2:
        yield from map(work, items)
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    waiting: deque[Future[Tensor]] = deque()
    rest = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            for item in islice(rest, 2 * threads):
                waiting.append(pool.submit(work, item))
            while waiting:
                result = waiting.popleft().result()
                for item in islice(rest, 1):
                    waiting.append(pool.submit(work, item))
                yield result
        finally:
            for future in waiting:
                future.cancel()
            torch.set_num_threads(before)


def _decode_jpeg(path: str) -> Tensor | None:
    """The pixels of a plain JPEG file; None where torchvision cannot, and Pillow has to say why."""
    try:
        from torchvision.io import decode_jpeg, read_file

        pixels: Tensor = decode_jpeg(read_file(path))
    except (ImportError, RuntimeError):
        return None
    return pixels
