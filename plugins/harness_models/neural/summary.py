"""Model summaries of networks of torch: a row for each layer, as in the tables of Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from harness import Layer
from harness_models.neural.layers import Dropout

Shape = tuple[int | None, ...]


def summarise(network: nn.Module, run: Callable[[int], object]) -> tuple[Layer, ...]:
    """The layers of a network, in the order in which `run` calls them.

    `run(windows)` calls the network with so many windows. A layer is a module with parameters of its own, or without
    modules in it, or whose attribute `is_layer` is true. Output shapes are those of the first call, with the windows
    first; of several outputs, that of the first. Layers whose parameters are used without a call follow at the end.

        summarise(network, lambda windows: network(torch.zeros(windows, 24)))
    """
    layers = _layers(network)
    was_training = network.training
    try:
        network.eval()
        with torch.no_grad():
            few, more = (_output_shapes(layers, run, windows) for windows in (2, 3))
    finally:
        network.train(was_training)
    shapes = {module: _windows_first(few[module], more[module]) for module in few if module in more}
    return _rows(layers, shapes)


def static_summary(network: nn.Module) -> tuple[Layer, ...]:
    """The layers of a network whose parameters are used without a call of them, as for one step.

    Lengths of convolutions follow from `lags` of the network, if it has that attribute.
    """
    length = getattr(network, "lags", None)
    layers, shapes = _layers(network), {}
    for module in layers:
        if isinstance(module, nn.Conv1d) and length is not None:
            length = (length - module.kernel_size[0]) // module.stride[0] + 1
        shapes[module] = _static_shape(module, length)
    return _rows(layers, shapes)


def _layers(network: nn.Module) -> dict[nn.Module, str]:
    """The names of the layers, in the order of definition."""
    found: dict[nn.Module, str] = {}
    within: set[nn.Module] = set()
    for name, module in network.named_modules():
        is_layer = getattr(module, "is_layer", False)
        has_own = any(True for _ in module.parameters(recurse=False))
        is_unused = isinstance(module, Dropout) and module.rate == 0
        if module not in within and not is_unused and (is_layer or has_own or not _has_children(module)):
            found[module] = name or type(module).__name__
        if is_layer:
            within.update(module.modules())
    return found


def _has_children(module: nn.Module) -> bool:
    return isinstance(module, nn.ModuleList) or any(True for _ in module.children())


def _output_shapes(
    layers: dict[nn.Module, str], run: Callable[[int], object], windows: int
) -> dict[nn.Module, tuple[int, ...]]:
    """The output shapes of the layers that are called with so many windows, in the order of the calls."""
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def note(module: nn.Module, inputs: object, output: object) -> None:
        shape = _first_shape(output)
        if shape is not None:
            shapes.setdefault(module, shape)

    with _hooks(layers, note):
        run(windows)
    return shapes


@contextmanager
def _hooks(layers: dict[nn.Module, str], note: Callable[..., None]) -> Iterator[None]:
    with ExitStack() as hooks:
        for module in layers:
            hooks.callback(module.register_forward_hook(note).remove)
        yield


def _first_shape(output: Any) -> tuple[int, ...] | None:
    if isinstance(output, Tensor):
        return tuple(output.shape)
    return _first_shape(output[0]) if isinstance(output, list | tuple) and output else None


def _windows_first(few: tuple[int, ...], more: tuple[int, ...]) -> Shape:
    """The shape with None for the number of windows, the length that differs, in front."""
    axes = [i for i, (a, b) in enumerate(zip(few, more, strict=False)) if a != b]
    if len(few) != len(more) or len(axes) != 1:
        return tuple(a if a == b else None for a, b in zip(few, more, strict=False))
    return (None, *(length for i, length in enumerate(few) if i != axes[0]))


def _static_shape(module: nn.Module, length: int | None) -> Shape:
    if isinstance(module, nn.RNNBase):
        return (None, module.hidden_size * (2 if module.bidirectional else 1))
    if isinstance(module, nn.Conv1d):
        return (None, module.out_channels, length)
    return (None, getattr(module, "out_features", None))


def _rows(layers: dict[nn.Module, str], shapes: dict[nn.Module, Shape]) -> tuple[Layer, ...]:
    """A row for each layer: first those with a known shape. A parameter that layers share counts once."""
    counted: set[int] = set()
    rows = []
    for module in dict.fromkeys((*shapes, *layers)):
        parameters = list(module.parameters(recurse=getattr(module, "is_layer", False)))
        if module not in shapes and not parameters:
            continue
        count = sum(parameter.numel() for parameter in parameters if id(parameter) not in counted)
        counted.update(map(id, parameters))
        kind = getattr(module, "layer_type", type(module).__name__)
        rows.append(Layer(layers[module], kind, shapes.get(module) or _static_shape(module, None), count))
    return tuple(rows)
