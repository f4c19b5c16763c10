"""The check that a method's phases reach all parameters that they say they update."""

from __future__ import annotations

import torch

from bench.data.splits import EvaluationData
from bench.method import Phase

PARTS = {"search": {"train", "weights", "architecture"}, "evaluation": {"train", "all"}}


def check_gradients(
    stage: str, phases: list[Phase], data: EvaluationData, modules: list[torch.nn.Module]
) -> None:
    """Over some draws and batches every parameter has a finite gradient other than zero."""
    everything = {id(p): name for module in modules for name, p in module.named_parameters()}
    for phase in phases:
        assert phase.part in PARTS[stage], f"phase {phase.name}: {phase.part!r} is not for {stage}"
        held = [p for o in phase.optimisers for group in o.param_groups for p in group["params"]]
        mine = {id(parameter) for parameter in phase.parameters}
        assert {id(p) for p in held} == mine, f"phase {phase.name}: its optimisers hold others"
        assert len(held) == len(mine), f"phase {phase.name}: a parameter is held twice"
        assert mine <= set(everything), f"phase {phase.name}: a parameter is in no checkpoint"
        missing = set(mine)
        for epoch in range(1, 16):
            batches = {
                other.part: next(data.part(other.part).epoch(16, 0, epoch)) for other in phases
            }
            for module in modules:
                module.train()
                for parameter in module.parameters():
                    parameter.requires_grad_(id(parameter) in mine)
                    parameter.grad = None
            if phase.backward is not None:
                phase.backward(batches)
            else:
                phase.objective(batches).total().backward()
            for parameter in phase.parameters:
                if parameter.grad is not None:
                    assert bool(parameter.grad.isfinite().all()), everything[id(parameter)]
                    if bool(parameter.grad.any()):
                        missing.discard(id(parameter))
            if not missing:
                break
        names = sorted(everything[parameter] for parameter in missing)
        assert not missing, f"phase {phase.name}: no gradient reaches {', '.join(names)}"
