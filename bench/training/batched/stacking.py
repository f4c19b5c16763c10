"""Several equal modules as one: their tensors stacked along a new first axis; optimisers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

ELEMENTWISE = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop)
"""Optimisers that update every element by itself: a stack is one parameter to them."""


class Stack:
    """Parameters (as leaves) and buffers of equal modules, [modules, ...] each, by name.

    The modules' own tensors become views of them: what changes one changes the other.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._own = [_tensors(module) for module in modules]
        self.tensors: dict[str, Tensor] = {}
        self._leaf: dict[int, Tensor] = {}
        for name, tensor in self._own[0].items():
            stacked = torch.stack([own[name].detach() for own in self._own])
            if isinstance(tensor, nn.Parameter):
                self._leaf[id(tensor)] = stacked.requires_grad_()
            self.tensors[name] = stacked
        self.link()

    def link(self) -> None:
        """Take over tensors that are not views of the stack (any more)."""
        for number, own in enumerate(self._own):
            for name, tensor in own.items():
                place = self.tensors[name].detach()[number]
                if tensor.data_ptr() != place.data_ptr():
                    place.copy_(tensor.detach())
                    tensor.data = place

    def leaf(self, parameter: Tensor) -> Tensor:
        """The stack of a parameter of the first module. Raises KeyError for a foreign one."""
        return self._leaf[id(parameter)]

    @property
    def leaves(self) -> list[Tensor]:
        """The stacks of all parameters."""
        return list(self._leaf.values())


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def stacked_optimiser(
    optimiser: torch.optim.Optimizer, leaf: Callable[[Tensor], Tensor]
) -> torch.optim.Optimizer:
    """The same optimiser over the stacks of its parameters. Raises TypeError for unknown kinds."""
    kind = type(optimiser)
    if kind not in ELEMENTWISE:
        raise TypeError(f"{kind.__name__} is not known to update every element by itself")
    groups = [
        {**group, "params": [leaf(parameter) for parameter in group["params"]]}
        for group in optimiser.param_groups
    ]
    takes = inspect.signature(kind).parameters
    defaults = {name: value for name, value in optimiser.defaults.items() if name in takes}
    return kind(groups, **defaults)


def one_of(state: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The state of an optimiser over stacks, cut to that of one member's optimiser."""
    cut = {
        index: {
            key: value[number].clone() if _stacked(key, value) else value
            for key, value in of.items()
        }
        for index, of in state["state"].items()
    }
    return {"state": cut, "param_groups": state["param_groups"]}


def all_of(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The inverse: the states of the members' optimisers as one over their stacks."""
    first = states[0]
    joined = {
        index: {
            key: torch.stack([state["state"][index][key] for state in states])
            if _stacked(key, value)
            else value
            for key, value in of.items()
        }
        for index, of in first["state"].items()
    }
    return {"state": joined, "param_groups": first["param_groups"]}


def _stacked(key: str, value: object) -> bool:
    return isinstance(value, Tensor) and key != "step"


def clip_each(leaves: Sequence[Tensor], largest: float) -> None:
    """`clip_grad_norm_` for every member of a stack by itself."""
    gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
    if not gradients:
        return
    members = len(gradients[0])
    norms = torch.stack([gradient.reshape(members, -1).norm(dim=1) for gradient in gradients])
    factors = (largest / (norms.norm(dim=0) + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factors.view(-1, *(1,) * (gradient.dim() - 1)))
