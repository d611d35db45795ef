"""Recurrent layers over whole sequences, as autograd functions with hand-written backward passes.

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

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input
_relu_backward = torch.ops.aten.threshold_backward.grad_input


class LstmSequence(Function):  # type: ignore[misc]
    """c' = f·c + i·tanh(g), h' = o·tanh(c'), with the gates i, f, g, o of W x + U (mask · h) + b."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor, dropout_mask: Tensor | None
    ) -> Any:
        time, batch, _ = inputs.shape
        hidden = recurrent.shape[1]
        weight, recurrent, bias = (_candidate_last(rows) for rows in (weight, recurrent, bias))
        gates = _project(inputs, weight, bias)
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
            state = state_gradient.add_(gradients[t])
            torch.mul(state, curve, out=do)
            torch.mul(state, o, out=part)
            _tanh_backward(part, curve, grad_input=part)
            cell.add_(part)
            torch.mul(cell, cells[t], out=df)
            torch.mul(cell, g, out=di).mul_(2).sub_(cell)
            torch.mul(cell, i, out=dg)  # half of it: `doubled` and the last lines correct it
            _sigmoid_backward(slope, gate, grad_input=slope)
            cell.mul_(f)
            torch.mm(back, slope, out=state_gradient)
            if mask is not None:
                state_gradient.mul_(mask)
        slopes[:, 3 * hidden :] *= 2
        into_weight, into_recurrent, into_bias = _into_parameters(slopes, inputs, seen)
        into_inputs = _into_inputs(slopes, weight) if ctx.needs_input_grad[0] else None
        return into_inputs, *(_torch_order(rows) for rows in (into_weight, into_recurrent, into_bias)), None


class GruSequence(Function):  # type: ignore[misc]
    """h' = (1 − z)·n + z·h, n = tanh(W x + b + r·(U (mask · h) + d)); the mask does not apply to z·h."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        recurrent: Tensor,
        bias: Tensor,
        second: Tensor,
        dropout_mask: Tensor | None,
    ) -> Any:
        time, batch, _ = inputs.shape
        hidden = recurrent.shape[1]
        weight, recurrent, bias, second = (_candidate_doubled(rows) for rows in (weight, recurrent, bias, second))
        wide, offset = _insert_gate(weight, 2 * hidden), _insert_gate(bias, 2 * hidden)
        offset[: 3 * hidden] += second
        gates = _project(inputs, wide, offset)  # r, z, U h + d, W x + b
        candidates = inputs.new_empty(time, hidden, batch)  # n
        states = inputs.new_zeros(time + 1, hidden, batch)
        mask = None if dropout_mask is None else dropout_mask.t().contiguous()
        seen = states if mask is None else torch.zeros_like(states)
        part = inputs.new_empty(hidden, batch)
        for t in range(time):
            gate, n, before, state = gates[t], candidates[t], states[t], states[t + 1]
            r, z, product, candidate = gate.view(4, hidden, batch).unbind()
            gate[: 3 * hidden].addmm_(recurrent, seen[t])
            gate[: 2 * hidden].sigmoid_()
            candidate.addcmul_(r, product).sigmoid_()
            torch.mul(candidate, 2, out=n).sub_(1)
            torch.sub(before, n, out=part)
            torch.addcmul(n, z, part, out=state)
            if mask is not None:
                torch.mul(state, mask, out=seen[t + 1])
        ctx.save_for_backward(inputs, weight, recurrent, gates, candidates, states, seen, mask)
        return states[1:].transpose(1, 2)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, output_gradients: Tensor) -> Any:
        inputs, weight, recurrent, gates, candidates, states, seen, mask = ctx.saved_tensors
        time, hidden, batch = candidates.shape
        gradients = output_gradients.transpose(1, 2).contiguous()
        slopes = torch.empty_like(gates)
        back = recurrent.t().contiguous()
        state_gradient, part = inputs.new_zeros(hidden, batch), inputs.new_empty(hidden, batch)
        for t in range(time - 1, -1, -1):
            gate, slope, n = gates[t], slopes[t], candidates[t]
            r, z, product, candidate = gate.view(4, hidden, batch).unbind()
            dr, dz, dproduct, dcandidate = slope.view(4, hidden, batch).unbind()
            state = state_gradient.add_(gradients[t])
            torch.sub(states[t], n, out=dz).mul_(state)
            torch.mul(state, z, out=part)
            torch.sub(state, part, out=dcandidate).mul_(2)
            _sigmoid_backward(dcandidate, candidate, grad_input=dcandidate)
            torch.mul(dcandidate, product, out=dr)
            torch.mul(dcandidate, r, out=dproduct)
            _sigmoid_backward(slope[: 2 * hidden], gate[: 2 * hidden], grad_input=slope[: 2 * hidden])
            torch.mm(back, slope[: 3 * hidden], out=state_gradient)  # `state` is not needed any more
            if mask is not None:
                state_gradient.mul_(mask)
            state_gradient.add_(part)
        _, into_recurrent, into_second = _into_parameters(slopes[:, : 3 * hidden], inputs, seen)
        slopes = _remove_gate(slopes, 2 * hidden)
        into_weight, _, into_bias = _into_parameters(slopes, inputs, None)
        into_inputs = _into_inputs(slopes, weight) if ctx.needs_input_grad[0] else None
        into = (_candidate_doubled(rows) for rows in (into_weight, into_recurrent, into_bias, into_second))
        return into_inputs, *into, None


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
        states = _project(inputs, weight, bias)
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
            slope = slopes[t].add_(state_gradient)
            if observed is not None:
                slope.mul_(observed[t])
            if ctx.is_tanh:
                _tanh_backward(slope, states[t], grad_input=slope)
            else:
                _relu_backward(slope, states[t], 0, grad_input=slope)
            torch.mm(back, slope, out=state_gradient)
            if mask is not None:
                state_gradient.mul_(mask)
        into = _into_parameters(slopes, inputs, seen)
        into_inputs = _into_inputs(slopes, weight / size) if ctx.needs_input_grad[0] else None
        return into_inputs, *into, None, None, None


def _project(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """W x + b of all steps in one product, (time, gate × hidden, batch)."""
    return torch.baddbmm(bias[None, :, None], weight.expand(len(inputs), *weight.shape), inputs.transpose(1, 2))


def _into_inputs(slopes: Tensor, weight: Tensor) -> Tensor:
    return slopes.transpose(1, 2) @ weight


def _into_parameters(slopes: Tensor, inputs: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor]:
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


def _candidate_doubled(rows: Tensor) -> Tensor:
    """The gates r, z, n as r, z, 2n."""
    r, z, n = rows.chunk(3)
    return torch.cat([r, z, 2 * n])


def _insert_gate(rows: Tensor, at: int) -> Tensor:
    """Rows with a gate of zeros before row `at`."""
    return torch.cat([rows[:at], torch.zeros_like(rows[at:]), rows[at:]])


def _remove_gate(slopes: Tensor, at: int) -> Tensor:
    """(time, row, batch) without the gate before its last one."""
    hidden = at // 2
    return torch.cat([slopes[:, :at], slopes[:, at + hidden :]], dim=1)
