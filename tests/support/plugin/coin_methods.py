"""A third party's method, found through its entry point: enough of one for studies to name it."""

from dataclasses import dataclass
from typing import Literal

from bench.method import Method
from bench.options import option


@dataclass(frozen=True)
class CoinConfig:
    """Options of every kind, and a rule between two of them."""

    bias: float = option(0.5, ge=0, le=1, help="probability of heads")
    tosses: int = option(10, ge=1, help="tosses an edge")
    fair: bool = option(True, help="whether the coin is fair")
    side: Literal["heads", "tails"] = option("heads", help="which side selects")
    limit: int | None = option(None, ge=2, help="at most this many; null: no limit")
    faces: tuple[str, ...] = option(("heads", "tails"), help="names of the sides")

    def __post_init__(self) -> None:
        if self.fair and self.bias != 0.5:
            raise ValueError("a fair coin has bias 0.5")


class Coin(Method):
    """Toss a coin for every operation."""

    Config = CoinConfig
