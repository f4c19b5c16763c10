"""The control `fixed`: a cell that the study names."""

from __future__ import annotations

from typing import Any

from bench.data.splits import Split
from bench.method import Method, Phase, Selection, Task
from bench.options import options
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.supernet import Supernet
from bench.training.config import SearchConfig


@options
class FixedConfig:
    """The cell, in a published notation."""

    genotype: str = (
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
        "+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )
    """|op~0|+|op~0|op~1|+..., or Genotype(normal=[...], ...), or a record's genotype as JSON."""

    def __post_init__(self) -> None:
        """Raises ValueError for a text that is no genotype."""
        Genotype.from_text(self.genotype)


class Fixed(Method):
    """Control: one given cell, no search at all."""

    Config = FixedConfig
    config: FixedConfig
    searches = False

    @classmethod
    def find_problem(cls, config: Any, space: SpaceConfig, search: SearchConfig) -> str | None:
        try:
            space.check(Genotype.from_text(config.genotype))
        except ValueError as error:
            return f"genotype: {error}"
        return None

    def __init__(self, config: FixedConfig, task: Task) -> None:
        super().__init__(config, task)
        self.genotype = Genotype.from_text(config.genotype)

    def phases(self, supernet: Supernet) -> list[Phase]:
        return []

    def current(self) -> Genotype:
        return self.genotype

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        return Selection(self.genotype, "fixed")
