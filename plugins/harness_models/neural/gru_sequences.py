"""GRU layers over whole sequences, as autograd functions with hand-written backward passes.

The reset gate acts after the recurrent product, as in torch and Keras, or before it, as by K. Cho et al. (Learning
Phrase Representations using RNN Encoder-Decoder, 2014, equations 5 to 8), for which there is no fused kernel. Shapes
and arrays are those of `sequences`; gates are in torch's order: r, z, n.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from harness_models.neural.sequences import (
    flush_tiny,
    input_gradient,
    parameter_gradients,
    project,
    sigmoid_backward,
)


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
        gates = project(inputs, wide, offset)  # r, z, U h + d, W x + b
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
            state = flush_tiny(state_gradient.add_(gradients[t]))
            torch.sub(states[t], n, out=dz).mul_(state)
            torch.mul(state, z, out=part)
            torch.sub(state, part, out=dcandidate).mul_(2)
            sigmoid_backward(dcandidate, candidate, grad_input=dcandidate)
            torch.mul(dcandidate, product, out=dr)
            torch.mul(dcandidate, r, out=dproduct)
            sigmoid_backward(slope[: 2 * hidden], gate[: 2 * hidden], grad_input=slope[: 2 * hidden])
            torch.mm(back, slope[: 3 * hidden], out=state_gradient)  # `state` is not needed any more
            if mask is not None:
                state_gradient.mul_(mask)
            state_gradient.add_(part)
        _, into_recurrent, into_second = parameter_gradients(slopes[:, : 3 * hidden], inputs, seen)
        slopes = _remove_gate(slopes, 2 * hidden)
        into_weight, _, into_bias = parameter_gradients(slopes, inputs, None)
        into_inputs = input_gradient(slopes, weight) if ctx.needs_input_grad[0] else None
        into = (_candidate_doubled(rows) for rows in (into_weight, into_recurrent, into_bias, into_second))
        return into_inputs, *into, None


class GruResetBeforeSequence(Function):  # type: ignore[misc]
    """h' = (1 − z)·n + z·h, n = tanh(W x + b + U (r · mask · h)); the mask does not apply to z·h."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor, dropout_mask: Tensor | None
    ) -> Any:
        time, batch, _ = inputs.shape
        hidden = recurrent.shape[1]
        weight, recurrent, bias = (_candidate_doubled(rows) for rows in (weight, recurrent, bias))
        of_gates, of_candidate = recurrent.split([2 * hidden, hidden])
        gates = project(inputs, weight, bias)  # r, z, and the sigmoid whose double is n + 1
        candidates = inputs.new_empty(time, hidden, batch)  # n
        states = inputs.new_zeros(time + 1, hidden, batch)
        reset = inputs.new_empty(time, hidden, batch)  # r · mask · h
        mask = None if dropout_mask is None else dropout_mask.t().contiguous()
        seen = states if mask is None else torch.zeros_like(states)
        part = inputs.new_empty(hidden, batch)
        for t in range(time):
            gate, n, before, state = gates[t], candidates[t], states[t], states[t + 1]
            r, z, candidate = gate.view(3, hidden, batch).unbind()
            gate[: 2 * hidden].addmm_(of_gates, seen[t]).sigmoid_()
            torch.mul(r, seen[t], out=reset[t])
            candidate.addmm_(of_candidate, reset[t]).sigmoid_()
            torch.mul(candidate, 2, out=n).sub_(1)
            torch.sub(before, n, out=part)
            torch.addcmul(n, z, part, out=state)
            if mask is not None:
                torch.mul(state, mask, out=seen[t + 1])
        ctx.save_for_backward(inputs, weight, recurrent, gates, candidates, states, seen, reset, mask)
        return states[1:].transpose(1, 2)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, output_gradients: Tensor) -> Any:
        inputs, weight, recurrent, gates, candidates, states, seen, reset, mask = ctx.saved_tensors
        time, hidden, batch = candidates.shape
        gradients = output_gradients.transpose(1, 2).contiguous()
        slopes = torch.empty_like(gates)
        of_gates, of_candidate = (rows.t().contiguous() for rows in recurrent.split([2 * hidden, hidden]))
        state_gradient, part, reset_gradient = (inputs.new_zeros(hidden, batch) for _ in range(3))
        for t in range(time - 1, -1, -1):
            gate, slope, n = gates[t], slopes[t], candidates[t]
            r, z, candidate = gate.view(3, hidden, batch).unbind()
            dr, dz, dcandidate = slope.view(3, hidden, batch).unbind()
            state = flush_tiny(state_gradient.add_(gradients[t]))
            torch.sub(states[t], n, out=dz).mul_(state)
            torch.mul(state, z, out=part)
            torch.sub(state, part, out=dcandidate).mul_(2)
            sigmoid_backward(dcandidate, candidate, grad_input=dcandidate)
            torch.mm(of_candidate, dcandidate, out=reset_gradient)
            torch.mul(reset_gradient, seen[t], out=dr)
            sigmoid_backward(slope[: 2 * hidden], gate[: 2 * hidden], grad_input=slope[: 2 * hidden])
            torch.mm(of_gates, slope[: 2 * hidden], out=state_gradient)  # `state` is not needed any more
            state_gradient.addcmul_(reset_gradient, r)
            if mask is not None:
                state_gradient.mul_(mask)
            state_gradient.add_(part)
        into_weight, _, into_bias = parameter_gradients(slopes, inputs, None)
        gate_slopes, candidate_slopes = slopes.split([2 * hidden, hidden], dim=1)
        products = (gate_slopes, seen[:-1]), (candidate_slopes, reset)
        into_recurrent = torch.cat([torch.bmm(part, states.transpose(1, 2)).sum(0) for part, states in products])
        into_inputs = input_gradient(slopes, weight) if ctx.needs_input_grad[0] else None
        return into_inputs, *(_candidate_doubled(rows) for rows in (into_weight, into_recurrent, into_bias)), None


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
