"""What the trainer makes of the optimisers that methods hand it."""

from __future__ import annotations

import torch

from bench.training.optimisers import prepare


def steps(fused: bool) -> torch.Tensor:
    torch.manual_seed(0)
    tensors = [torch.nn.Parameter(torch.randn(n, 3)) for n in (1, 4, 9)]
    late = torch.nn.Parameter(torch.ones(2))  # has its first gradient later than the others
    adam = torch.optim.Adam([*tensors, late], 1e-2, weight_decay=1e-3)
    if fused:
        prepare([adam])
        assert adam.param_groups[0]["fused"]
    for step in range(5):
        for tensor in tensors:
            tensor.grad = torch.randn_like(tensor)
        late.grad = torch.randn(2) if step > 1 else None
        adam.step()
    return torch.cat([tensor.detach().flatten() for tensor in (*tensors, late)])


def test_fused_adam_is_adam() -> None:
    torch.testing.assert_close(steps(fused=True), steps(fused=False), rtol=1e-5, atol=1e-7)


def test_fused_adam_is_the_same_twice() -> None:
    assert torch.equal(steps(fused=True), steps(fused=True))


def test_what_a_method_asked_for_stays() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    chosen = torch.optim.Adam([parameter], foreach=True)
    sgd = torch.optim.SGD([parameter])
    prepare([chosen, sgd])
    assert not chosen.param_groups[0]["fused"]
    assert not sgd.param_groups[0]["fused"]


def test_graphs_keep_step_counts_on_the_device() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    optimisers = [torch.optim.Adam([parameter]), torch.optim.SGD([parameter])]
    prepare(optimisers, graph=True)
    assert optimisers[0].param_groups[0]["capturable"]
    assert "capturable" not in optimisers[1].param_groups[0]
