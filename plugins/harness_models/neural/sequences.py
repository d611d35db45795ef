"""LSTM and plain recurrent layers over whole sequences, as autograd functions with hand-written backward passes.

They exist for recurrent dropout, for which there is no fused kernel: `dropout_mask` is one mask per sequence,
applied to the state in the recurrent product only. Internal arrays are (time, gate × hidden, batch): each
gate is a contiguous block, and one in-place sigmoid computes all gates. tanh(x) is computed as
2·sigmoid(2x) − 1, since torch's tanh is many times slower than its sigmoid; the rows of a gate with tanh
are doubled before and after.

Shapes: inputs (time, batch, input), weights (gate × hidden, input or hidden), biases (gate × hidden),
`dropout_mask` (batch, hidden) or None, outputs (time, batch, hidden). Gates are in torch's order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input
relu_backward = torch.ops.aten.threshold_backward.grad_input
hardshrink = torch.ops.aten.hardshrink.out


class LstmSequence(Function):  # type: ignore[misc]
    """c' = f·c + i·tanh(g), h' = o·tanh(c'), with the gates i, f, g, o of W x + U (mask · h) + b."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor, dropout_mask: Tensor | None
    ) -> Any:
        time, batch, _ = inputs.shape
        hidden = recurrent.shape[1]
        weight, recurrent, bias = (_candidate_last(rows) for rows in (weight, recurrent, bias))
        gates = project(inputs, weight, bias)
        cells = inputs.new_zeros(time + 1, hidden, batch)
        squashed = inputs.new_empty(time, hidden, batch)  # tanh(c)
        states = inputs.new_empty(time, hidden, batch)
        seen = inputs.new_zeros(time + 1, hidden, batch)  # the state in the recurrent product, after dropout
        mask = None if dropout_mask is None else dropout_mask.t().contiguous()
        every = zip(gates, cells, cells[1:], squashed, states, seen, seen[1:], strict=False)
        for gate, before, cell, curve, state, last, then in every:
            gate.addmm_(recurrent, last).sigmoid_()
            i, f, o, g = gate.view(4, hidden, batch).unbind()
            torch.mul(f, before, out=cell).addcmul_(i, g, value=2).sub_(i)
            torch.mul(cell, 2, out=curve).sigmoid_().mul_(2).sub_(1)
            torch.mul(o, curve, out=state)
            then.copy_(state) if mask is None else torch.mul(state, mask, out=then)
        ctx.save_for_backward(inputs, weight, recurrent, gates, cells, squashed, seen, mask)
        return states.transpose(1, 2)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, output_gradients: Tensor) -> Any:
        inputs, weight, recurrent, gates, cells, squashed, seen, mask = ctx.saved_tensors
        time, hidden, batch = squashed.shape
        gradients = output_gradients.transpose(1, 2).contiguous()
        slopes = torch.empty_like(gates)
        doubled = recurrent.clone()
        doubled[3 * hidden :] *= 2
        back = doubled.t().contiguous()
        state_gradient, cell, part = (inputs.new_zeros(hidden, batch) for _ in range(3))
        for t in range(time - 1, -1, -1):
            gate, slope, curve = gates[t], slopes[t], squashed[t]
            i, f, o, g = gate.view(4, hidden, batch).unbind()
            di, df, do, dg = slope.view(4, hidden, batch).unbind()
            state = flush_tiny(state_gradient.add_(gradients[t]))
            torch.mul(state, curve, out=do)
            torch.mul(state, o, out=part)
            tanh_backward(part, curve, grad_input=part)
            flush_tiny(cell.add_(part))
            torch.mul(cell, cells[t], out=df)
            torch.mul(cell, g, out=di).mul_(2).sub_(cell)
            torch.mul(cell, i, out=dg)  # half of it: `doubled` and the last lines correct it
            sigmoid_backward(slope, gate, grad_input=slope)
            cell.mul_(f)
            torch.mm(back, slope, out=state_gradient)
            if mask is not None:
                state_gradient.mul_(mask)
        slopes[:, 3 * hidden :] *= 2
        into_weight, into_recurrent, into_bias = parameter_gradients(slopes, inputs, seen)
        into_inputs = input_gradient(slopes, weight) if ctx.needs_input_grad[0] else None
        return into_inputs, *(_torch_order(rows) for rows in (into_weight, into_recurrent, into_bias)), None


class RnnSequence(Function):  # type: ignore[misc]
    """h' = tanh or relu of W x + U (mask · h) + b; zero at steps that are not observed, (time, batch)."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        recurrent: Tensor,
        bias: Tensor,
        dropout_mask: Tensor | None,
        observed: Tensor | None,
        is_tanh: bool,
    ) -> Any:
        time, batch, _ = inputs.shape
        size = 2 if is_tanh else 1
        weight, recurrent, bias = size * weight, size * recurrent, size * bias
        states = project(inputs, weight, bias)
        mask = None if dropout_mask is None else dropout_mask.t().contiguous()
        seen = inputs.new_zeros(time + 1, recurrent.shape[1], batch)
        for t, state in enumerate(states):
            state.addmm_(recurrent, seen[t])
            state.sigmoid_().mul_(2).sub_(1) if is_tanh else state.relu_()
            if observed is not None:
                state.mul_(observed[t])
            seen[t + 1].copy_(state) if mask is None else torch.mul(state, mask, out=seen[t + 1])
        ctx.save_for_backward(inputs, weight, recurrent, states, seen, mask, observed)
        ctx.is_tanh = is_tanh
        return states.transpose(1, 2)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, output_gradients: Tensor) -> Any:
        inputs, weight, recurrent, states, seen, mask, observed = ctx.saved_tensors
        size = 2 if ctx.is_tanh else 1
        slopes = output_gradients.transpose(1, 2).clone(memory_format=torch.contiguous_format)
        back = recurrent.t().contiguous() / size
        state_gradient = torch.zeros_like(states[0])
        for t in range(len(states) - 1, -1, -1):
            slope = flush_tiny(slopes[t].add_(state_gradient))
            if observed is not None:
                slope.mul_(observed[t])
            if ctx.is_tanh:
                tanh_backward(slope, states[t], grad_input=slope)
            else:
                relu_backward(slope, states[t], 0, grad_input=slope)
            torch.mm(back, slope, out=state_gradient)
            if mask is not None:
                state_gradient.mul_(mask)
        into = parameter_gradients(slopes, inputs, seen)
        into_inputs = input_gradient(slopes, weight / size) if ctx.needs_input_grad[0] else None
        return into_inputs, *into, None, None, None


def flush_tiny(gradients: Tensor) -> Tensor:
    """Sets gradients that are negligibly small to zero, in place: below 1e-28 in float32, 1e-230 in float64.

    Gradients that vanish on their way back through the steps would end in subnormal numbers, with which products
    are up to 30 times as slow on Intel processors.
    """
    return hardshrink(gradients, torch.finfo(gradients.dtype).tiny ** 0.75, out=gradients)


def project(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """W x + b of all steps in one product, (time, gate × hidden, batch)."""
    return torch.baddbmm(bias[None, :, None], weight.expand(len(inputs), *weight.shape), inputs.transpose(1, 2))


def input_gradient(slopes: Tensor, weight: Tensor) -> Tensor:
    """The gradient of the inputs from that of W x."""
    return slopes.transpose(1, 2) @ weight


def parameter_gradients(slopes: Tensor, inputs: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor]:
    """The gradients of weight, recurrent weight and bias from those of their sums."""
    into_weight = torch.bmm(slopes, inputs).sum(0)
    into_recurrent = None if seen is None else torch.bmm(slopes, seen[:-1].transpose(1, 2)).sum(0)
    return into_weight, into_recurrent, slopes.sum((0, 2))


def _candidate_last(rows: Tensor) -> Tensor:
    """The gates i, f, g, o as i, f, o, 2g."""
    i, f, g, o = rows.chunk(4)
    return torch.cat([i, f, o, 2 * g])


def _torch_order(rows: Tensor) -> Tensor:
    """The transpose of `_candidate_last`."""
    i, f, o, g = rows.chunk(4)
    return torch.cat([i, f, 2 * g, o])
