"""Specs of the datasets that are generated from fixed seeds."""

from __future__ import annotations

from harness import DatasetSpec

_WAVES_SOURCE = "generated from fixed seeds, after lirnli.wordpress.com 2017/09/01, simple PyTorch RNN examples"


def specs() -> list[DatasetSpec]:
    """All of them."""
    return [*_synthetic(), *_memory(), *_sequences()]


def _synthetic() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            "cosine",
            "harness_datasets.synthetic:cosine",
            description="cosine waves of one frequency with random amplitudes and phases, 1,000 steps each: "
            "1,024 for training, 128 for validation, 1,000 for test",
            source=_WAVES_SOURCE,
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
        DatasetSpec(
            "sine",
            "harness_datasets.synthetic:sine",
            description="sine waves of one frequency and amplitude with random phases, 100 steps each: "
            "2,048 for training, 256 for validation, 1,000 for test",
            source=_WAVES_SOURCE,
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
        DatasetSpec(
            "sine-generation",
            "harness_datasets.synthetic:sine_generation",
            description="sine waves of one frequency and amplitude with random phases: 2,048 for training and 256 for "
            "validation with 100 steps, 1,000 for test with 1,100 steps",
            source=_WAVES_SOURCE,
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
        DatasetSpec(
            "covariates",
            "harness_datasets.sales:sales",
            description="synthetic daily sales of 120 products over 16 weeks, with known, forecast, delayed and static "
            "covariates, for which the error of the best forecasts is known",
            source="generated from a fixed seed",
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
        DatasetSpec(
            "states",
            "harness_datasets.states:states",
            description="synthetic states of a Markov source of order 2 with four states: 40 series of 2,000 steps, "
            "entropy rate 0.9447 nats a step, perplexity 2.572",
            source="generated from a fixed seed",
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
        DatasetSpec(
            "sequence-classes",
            "harness_datasets.sequences:sequence_classes",
            description="synthetic sequences of 10 steps in three channels, each of one of six classes: 500 for "
            "training, 250 for validation, 4,000 for test; lowest expected error 1.33 %, log loss 0.0388",
            source="generated from fixed seeds",
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
        DatasetSpec(
            "dyck-words",
            "harness_datasets.brackets:dyck_words",
            description="synthetic words of well-nested brackets of two kinds with an end token: 60 series of 2,000 "
            "tokens, entropy rate 0.9218 nats a token, perplexity 2.514",
            source="generated from a fixed seed",
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
    ]


def _sequences() -> list[DatasetSpec]:
    tasks = {
        "reverse": "three to ten letters, to be forecast in reverse order",
        "sort": "three to ten letters, to be forecast in alphabetical order",
        "dates": "the characters of dates in three formats, to be forecast as YYYY-MM-DD",
    }
    return [
        DatasetSpec(
            name,
            f"harness_datasets.token_sequences:{name}",
            description=f"{description}: 4,000 series for training, 500 for validation, 500 for test",
            source="generated from a fixed seed",
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        )
        for name, description in tasks.items()
    ]


def _memory() -> list[DatasetSpec]:
    tasks = {
        "adding": "sum of two marked values of the last {} rows, to be forecast in the next row",
        "copy": "four values, to be forecast again {} rows after the first one",
    }
    return [
        DatasetSpec(
            f"{name}-{rows}",
            f"harness_datasets.memory:{name}_{rows}",
            description=f"{description.format(rows)}: 5,000 series for training, 500 for validation, 1,000 for test",
            source="generated from fixed seeds, after S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, Neural "
            "Computation 9 (1997) 1735-1780; M. Arjovsky, A. Shah and Y. Bengio, Unitary Evolution Recurrent Neural "
            "Networks, ICML 2016",
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        )
        for name, description in tasks.items()
        for rows in (10, 30, 60)
    ]
