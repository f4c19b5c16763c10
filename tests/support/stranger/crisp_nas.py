import torch
from torch import nn

from bench.method import Method, Objective, Phase, Selection, cosine
from bench.options import NonNegative, Positive, options
from bench.space.genotype import Genotype
from bench.space.mixture import CellMixture, Mixture
from bench.space.selection import strongest_edges


@options  # a frozen pydantic dataclass; Positive is Annotated[float, Field(gt=0)]
class CrispConfig:
    learning_rate: Positive = 0.01
    entropy: NonNegative = 0.1
    """Weight of the entropy at the end, nats."""


class Crisp(Method):
    """Crisp: a softmax whose entropy costs more and more; weights and alpha trained jointly."""

    Config = CrispConfig

    def __init__(self, config, task):
        super().__init__(config, task)
        shape = (len(task.graph.edges), len(task.space.operations))
        self.alpha = nn.ParameterDict({k: nn.Parameter(torch.zeros(shape)) for k in task.kinds})

    def weights(self):
        return {kind: alpha.softmax(-1) for kind, alpha in self.alpha.items()}

    def mixture(self, batch):
        return Mixture({kind: CellMixture(z) for kind, z in self.weights().items()})

    def penalty(self):
        entropies = [-(z * z.log()).sum(-1).mean() for z in self.weights().values()]
        return {"entropy": self.config.entropy * self.progress * torch.stack(entropies).mean()}

    def phases(self, supernet):
        parameters = [*supernet.parameters(), *self.parameters()]
        adam = torch.optim.Adam(parameters, self.config.learning_rate)

        def objective(batches) -> Objective:
            return self.objective(supernet, batches["train"])

        return [Phase("joint", "train", parameters, [adam], objective, cosine(), clip=5.0)]

    def current(self):
        graph, names = self.task.graph, self.task.space.operations
        cells = {k: strongest_edges(z, graph, names)[0] for k, z in self.weights().items()}
        return Genotype(self.task.space.name, cells)

    def select(self, supernet, validation):
        return Selection(self.current(), "strongest")
