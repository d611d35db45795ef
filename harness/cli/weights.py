"""The commands `harness weights fetch`, `list`, `check` and `remove`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text
from harness.cli.group import HarnessGroup
from harness.cli.options import catalog_option
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.forecasters.weights.declared import Weights
    from harness.plugins.catalog import Catalog


@click.group("weights", cls=HarnessGroup)
def weights_group() -> None:
    """Fetch and check the weights of pretrained models."""


@weights_group.command("fetch", short_help="Download the weights of forecasters.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--revision", metavar="X", help="Branch, tag or commit to use.  [default: the forecaster's]")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Take the files from this folder instead of the hub.",
)
@catalog_option
def weights_fetch_command(names: tuple[str, ...], revision: str | None, source: Path | None, catalog: Catalog) -> None:
    """Download the weights of the forecasters NAME from the Hugging Face hub, and verify them.

    They are stored in HARNESS_WEIGHTS_DIR, by default ~/.cache/harness/weights, for all homes. HF_ENDPOINT is the
    address of the hub, and HF_TOKEN the token for repositories that need one. A download that was interrupted
    continues. Weights that are there already stay as they are, unless --revision or --from is given.
    """
    from functools import partial

    from harness.forecasters.weights.fetching import fetch_weights, take_weights
    from harness.forecasters.weights.paths import repository_folder
    from harness.forecasters.weights.store import unverified_source, unverified_text

    say = partial(echo, err=True)
    if source is not None and revision is not None:
        raise BadInput("--from and --revision exclude each other")
    wanted = {name: _weights(name, catalog) for name in names}
    if source is not None and len({*wanted.values()}) > 1:
        raise BadInput("--from takes one forecaster, or several with the same weights")
    for name, weights in wanted.items():
        lock = fetch_weights(weights, say, revision) if source is None else take_weights(weights, source, say)
        if folder := unverified_source(weights, lock):
            say(f"warning: the weights {weights} are {unverified_text(folder)}")
        echo(f"{name}: {repository_folder(weights) / lock.folder}")


@weights_group.command("list")
@catalog_option
def weights_list_command(catalog: Catalog) -> None:
    """List the weights of forecasters, and whether they are fetched."""
    from harness.report.catalog.weights import weights_text

    echo_text(weights_text(catalog))


@weights_group.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@catalog_option
def weights_check_command(names: tuple[str, ...], catalog: Catalog) -> None:
    """Compare the hashes of all files of the weights of forecasters, by default of all that are fetched.

    Exits with 1 if a file is damaged or missing.
    """
    from harness.forecasters.weights.paths import lock_path
    from harness.forecasters.weights.store import damage

    known = {name: entry.spec.weights for name, entry in catalog.forecasters.items() if entry.spec.weights is not None}
    wanted = {name: _weights(name, catalog) for name in names} or known
    has_passed = True
    for weights, of in _forecasters_by_weights(wanted).items():
        if not names and not lock_path(weights).exists():
            continue
        problems = damage(weights)
        for problem in problems:
            echo(f"{problem}; run `harness weights fetch {of[0]}`")
        if not problems:
            echo(f"the weights {weights} are as they were fetched")
        has_passed &= not problems
    sys.exit(0 if has_passed else 1)


@weights_group.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@catalog_option
def weights_remove_command(names: tuple[str, ...], catalog: Catalog) -> None:
    """Remove the weights of forecasters from the disk. Results stay."""
    from functools import partial

    from harness.forecasters.weights.fetching import remove_weights

    for weights in _forecasters_by_weights({name: _weights(name, catalog) for name in names}):
        was_fetched = remove_weights(weights, partial(echo, err=True))
        echo(f"removed the weights {weights}" if was_fetched else f"the weights {weights} are not fetched")


def _weights(name: str, catalog: Catalog) -> Weights:
    """The weights of a forecaster; raises BadInput for one without."""
    weights = catalog.forecasters[name].spec.weights
    if weights is None:
        raise BadInput(f"forecaster {name!r} declares no weights; `harness weights list` shows those that do")
    return weights


def _forecasters_by_weights(weights: dict[str, Weights]) -> dict[Weights, list[str]]:
    """The names of the forecasters that use the same weights."""
    found: dict[Weights, list[str]] = {}
    for name, each in weights.items():
        found.setdefault(each, []).append(name)
    return found
