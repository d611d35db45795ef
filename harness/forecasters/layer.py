"""Layer: a row of a model summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A layer of a network, as a row of a model summary like that of Keras.

        Layer("head", "Linear", (None, 24), 4_056)

    In the output shape, None is the number of windows, or a length that varies. Parameters are those that the training
    changes, without running statistics of batch normalisation.
    """

    name: str
    type: str
    output_shape: tuple[int | None, ...]
    parameters: int
