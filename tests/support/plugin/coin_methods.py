"""A third party's method, found through its entry point: enough of one for studies to name it."""

from typing import Annotated, Literal

from pydantic import Field

from bench.method import Method
from bench.options import Count, options


@options
class CoinConfig:
    """Options of every kind, and a rule between two of them."""

    bias: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Probability of heads."""
    tosses: Count = 10
    """Tosses an edge."""
    fair: bool = True
    """Whether the coin is fair."""
    side: Literal["heads", "tails"] = "heads"
    """Which side selects."""
    limit: Annotated[int | None, Field(ge=2)] = None
    """At most this many; null: no limit."""
    faces: tuple[str, ...] = ("heads", "tails")
    """Names of the sides."""

    def __post_init__(self) -> None:
        if self.fair and self.bias != 0.5:
            raise ValueError("a fair coin has bias 0.5")


class Coin(Method):
    """Toss a coin for every operation."""

    Config = CoinConfig
