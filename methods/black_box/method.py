"""What the black-box baselines have in common: nothing is learnt but from trained architectures."""

from __future__ import annotations

import random
from typing import ClassVar

from bench.data.splits import Split
from bench.errors import ConfigurationError
from bench.method import Method, Phase, Selection, Task
from bench.options import Count, options
from bench.seeds import derive
from bench.space.genotype import Genotype
from bench.space.supernet import Supernet
from methods.black_box.budget import Budget
from methods.black_box.encoding import Encoding


@options
class BlackBoxConfig:
    """The budget, in trained architectures, and what they may have."""

    architectures: Count = 300
    """Trained at most; asking again for a known one is free."""
    none: bool = True
    """Empty edges too, where the space has the operation `none`."""


class BlackBox(Method):
    """A search that sees nothing of an architecture but its accuracy, which it asks of a table.

        max over cells of the validation accuracy of one training

    There is no super-network: an architecture costs one of the trainings behind the table, and
    its validation accuracy is all that is seen of it. Selected is the best of all that were
    trained. Where the leaderboard reports validation accuracies of the same trainings, the baseline
    maximises nearly the number that is reported; it is then an upper reference and not a rival on
    equal terms. Subclasses say in `explore` what is trained next.
    """

    Config: ClassVar[type] = BlackBoxConfig
    config: BlackBoxConfig
    searches = False
    needs_table = True

    def __init__(self, config: BlackBoxConfig, task: Task) -> None:
        super().__init__(config, task)
        if task.oracle is None:
            raise ConfigurationError(
                f"{type(self).__name__} asks for known accuracies, and there is no table to ask"
            )
        self.encoding = Encoding(task, config.none)
        self.budget = Budget(task.oracle, self.encoding, config.architectures)
        self.generator = random.Random(derive(task.seed, "black box"))
        self._first = self.encoding.decode(self.encoding.draw(self.generator))

    def explore(self) -> None:
        """Train architectures until the budget is spent."""
        raise NotImplementedError

    def phases(self, supernet: Supernet) -> list[Phase]:
        return []

    def current(self) -> Genotype:
        """The best so far; a random one before anything is trained."""
        trajectory = self.budget.trajectory
        return Genotype.from_json(trajectory[-1]["genotype"]) if trajectory else self._first

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        """Explore, and take the best. Raises ConfigurationError where the table had nothing."""
        self.explore()
        budget = self.budget
        if not budget.trajectory:
            raise ConfigurationError(
                f"{type(self).__name__}: the table has none of the architectures asked for"
            )
        details = {
            "architectures": budget.trained,
            "table_seconds": budget.seconds,
            "trajectory": budget.trajectory,
        }
        return Selection(self.current(), "best of trained", details)
