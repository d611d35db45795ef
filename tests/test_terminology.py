"""Texts and names use the terms of docs/glossary.md, not paraphrases of them.

Checked are the documentation, the help and output of every command, docstrings, comments and texts of the code, and
names. A pattern that rejects a legitimate sentence should be made narrower.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli import main as command_line
from harness.plugins.catalog import load_catalog
from harness.plugins.installed import installed_catalog

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
CODE = ("harness", "plugins", "datasets", "leaderboards")
MODULES = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))
OTHER_TEXTS = sorted(
    path
    for folder in CODE
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".js", ".html", ".jinja", ".j2", ".toml", ".md")
)

# paraphrase → the term
PARAPHRASES = {
    r"what (?:actually |really )?came\b|(?:value|values|all) that came\b": "actuals, or result",
    r"(?<!ground )\btruth\b": "actuals, or true value",
    r"\bdraw(?:s|n|ing)?(?: \w+){0,2} again\b|\bre-?drawn\b": "resample",
    r"\bforecasters? (?:that|which|who) draws?\b|\b(?:that|which|who|whether it|it) draws\b|\bwho draw\b": "stochastic",
    r"\btold (?:from|apart)\b|\b(?:tell|telling) \w+ apart\b": "significantly better than all others",
    r"\bcannot be (?:told|distinguished)\b": "not significantly worse than the best",
    r"\bcounts? (?:for|as) nothing\b": "is ignored",
    r"\bwhose (?:it is|it was|they are|is it)\b": "provided by",
    r"\b(?:is|are|was|were|what|which|not) (?:not )?here\b": "available",
    r"\bwhat (?:is|was|are) missing\b": "pending cells, or failed results",
    r"\bsays? (?:else|otherwise)\b": "default: the board's",
    r"\b(?:came|come|comes) out\b": "result, or standings",
    r"\bby luck\b|\bthan luck\b|\bluck of\b": "chance, or significant",
    r"\bhow sure\b|\bsure of itself\b": "uncertainty, or interval",
    r"\boftener\b|\bseldom\b": "more often, rarely",
    r"\bat work on\b": "locks on cells",
    r"\bwhat (?:comes|came|becomes|became) of\b": "result",
    r"\b(?:believed?|believing) a result\b": "audit, provenance",
    r"\bdid the future matter\b|\bthe future mattered\b|\bknows? the answers?\b": "leakage",
    r"\bby trial\b": "audit, or test",
    r"\bspeaks? for\b": "is valid for",
    r"\b(?:is|are) said\b|\band is said\b": "is documented, shown",
    r"\bin the place of\b": "instead of, replaces",
    r"\bhow certain\b": "uncertainty, or interval",
    r"\bthe same again\b": "reproduce",
    r"\bseen by (?:a|the) (?:model|forecaster)\b": "training overlap",
}
# a name that is a bare participle → say what the function does or returns
PARTICIPLES = {
    *("asked", "begun", "believed", "brought", "carried", "chosen", "come", "cut", "done", "drawn"),
    *("found", "gathered", "given", "halved", "held", "judged", "kept", "made", "narrowed", "opened"),
    *("paired", "put", "said", "seen", "sent", "served", "shared_page", "shown", "spent", "taken", "thinned", "told"),
    *("tried", "wanted", "won"),
}
FORMER_CLASSES = {
    *("Campaign", "Chosen", "Claims", "Contest", "Core", "Draws", "Evidence", "Figures", "JournalEvidence", "Opened"),
    *("Parts", "Plan", "Provided", "ReadOnce", "Ring", "Round", "Sheet", "Shelf"),
}


def paraphrases(text: str) -> list[str]:
    """Each paraphrase in a text, with its line and the term to use."""
    plain = re.sub(r"\s+", lambda space: "\n" if "\n" in space[0] else " ", text)  # of any indentation
    found = []
    for pattern, term in PARAPHRASES.items():
        spaced = re.compile(pattern.replace(" ", r"\s"), re.IGNORECASE)
        for match in spaced.finditer(plain):
            phrase = " ".join(match[0].split())
            found.append(f"line {text_line(text, match[0])}: {phrase!r}; use: {term}")
    return found


def text_line(text: str, phrase: str) -> int:
    """The line on which a phrase begins."""
    words = r"\s+".join(map(re.escape, phrase.split()))
    match = re.search(words, text)
    return 0 if match is None else text.count("\n", 0, match.start()) + 1


def texts(module: Path) -> Iterator[tuple[int, str]]:
    """The docstrings, comments and string constants of a module, each with its line."""
    source = module.read_text(encoding="utf-8")
    yield from comments(source)
    nodes = list(ast.walk(ast.parse(source)))
    templates = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for template in templates for part in template.values}
    for template in templates:
        yield template.lineno, "".join(map(constant_text, template.values))
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


def constant_text(part: ast.expr) -> str:
    """A part of an f-string as text, `{}` where a value is filled in."""
    return str(part.value) if isinstance(part, ast.Constant) else "{}"


def comments(source: str) -> Iterator[tuple[int, str]]:
    """The comments of a source, those on consecutive lines as one."""
    lines: dict[int, str] = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for line, text in lines.items():
        if line - 1 not in lines:
            following, whole = line + 1, [text]
            while following in lines:
                whole.append(lines[following])
                following += 1
            yield line, "\n".join(whole)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


class TestDocuments:
    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_pages_use_the_terms(self, page: Path) -> None:
        text = re.sub(r"`[^`\n]+`", "``", page.read_text(encoding="utf-8"))  # names of code may be former ones

        assert paraphrases(text) == []


class TestCode:
    @pytest.mark.parametrize("module", MODULES, ids=name_of)
    def test_texts_use_the_terms(self, module: Path) -> None:
        found = [f"from line {line}, {found}" for line, text in texts(module) for found in paraphrases(text)]

        assert found == []

    @pytest.mark.parametrize("path", OTHER_TEXTS, ids=name_of)
    def test_templates_scripts_and_boards_use_the_terms(self, path: Path) -> None:
        assert paraphrases(path.read_text(encoding="utf-8")) == []

    @pytest.mark.parametrize("module", MODULES, ids=name_of)
    def test_no_variable_is_called_one(self, module: Path) -> None:
        tree = ast.parse(module.read_text(encoding="utf-8"))

        stored = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and is_stored(node, "one")]
        arguments = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.arg) and node.arg == "one"]

        assert sorted(stored + arguments) == []

    @pytest.mark.parametrize("module", MODULES, ids=name_of)
    def test_functions_and_classes_have_telling_names(self, module: Path) -> None:
        tree = ast.parse(module.read_text(encoding="utf-8"))

        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]

        assert [node.name for node in functions if node.name.strip("_") in PARTICIPLES and not is_alias(node)] == []
        assert [node.name for node in classes if node.name.strip("_") in FORMER_CLASSES] == []


def is_stored(node: ast.Name, name: str) -> bool:
    return node.id == name and isinstance(node.ctx, ast.Store)


def is_alias(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is a former public name that is kept."""
    return (ast.get_docstring(function) or "").startswith("The former name of ")


def commands(group: click.Group, *names: str) -> Iterator[tuple[str, ...]]:
    """The names of every command of a group, those of subcommands included."""
    for name, command in group.commands.items():
        yield (*names, name)
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


class TestCommands:
    def test_help_uses_the_terms(self) -> None:
        load_catalog().add_commands(command_line.cli)
        runner = CliRunner()

        names = [(), *commands(command_line.cli)]
        helps = {name: runner.invoke(command_line.cli, [*name, "--help"]).output for name in names}

        assert ("run",) in helps
        assert ("ui",) in helps
        assert all("Usage:" in text for text in helps.values())
        assert {name: found for name, text in helps.items() if (found := paraphrases(text))} == {}


PLUGIN = '''
import numpy as np
from harness import DataFile, DatasetSpec, Forecast, ForecasterSpec, Panel, Unsupported, hookimpl


class Last:
    """The last value."""

    def __init__(self, seed: int = 0):
        self.seed = seed

    def fit(self, train):
        self.fitted_ = True

    def predict(self, contexts):
        noise = np.random.default_rng(self.seed).normal(size=contexts.horizon)
        return Forecast.point(contexts.last_targets(1) + 0.01 * noise[None, :, None])


class Failing(Last):
    def fit(self, train):
        raise ValueError("no data")


class Refusing(Last):
    def fit(self, train):
        raise Unsupported("needs known covariates")


class Broken(Last):
    def predict(self, contexts):
        return Forecast.point(np.full((len(contexts), contexts.horizon, len(contexts.targets)), np.nan))


def walk():
    steps = np.random.default_rng(0).normal(size=(2, 90))
    return Panel.of([steps[0].cumsum(), steps[1].cumsum(), [3.0] * 90], season_length=2)


@hookimpl
def harness_forecasters():
    known = {"last": Last, "failing": Failing, "refusing": Refusing, "broken": Broken}
    return [ForecasterSpec(name, known[name], draws=name == "last") for name in known]


@hookimpl
def harness_datasets():
    absent = DataFile("absent.csv", "http://unreachable.invalid/absent.csv")
    return [DatasetSpec("walk", walk), DatasetSpec("absent", walk, files=(absent,))]
'''

BOARD = """
title = "Walks"
metric = "MASE"
baseline = "naive"
seeds = 2

[[tasks]]
dataset = "walk"
quantile_levels = [0.1, 0.5, 0.9]
protocol = { kind = "rolling-origin", horizon = 3, windows = 12 }

[[tasks]]
dataset = "absent"
protocol = { kind = "rolling-origin", horizon = 3, windows = 12 }
"""

# commands after the board was run, and a text that each must print
OUTPUTS = [
    ("run ./walks --jobs 0", "Nothing to do"),
    ("run ./walks --jobs 0 --retry-failed --only drift", "drift"),
    ("run", "error"),
    ("run ./nowhere", "error"),
    ("show ./walks", "MASE"),
    ("show ./walks --metric bias", "bias"),
    ("show ./walks --metric MSE", "MSE"),
    ("show ./walks --completed-only", "drift"),
    ("show ./walks --csv", "skill"),
    ("show ./walks --markdown", "# Walks"),
    ("show ./walks --html -", "<html"),
    ("show ./walks --by step", "drift"),
    ("show ./walks --by series", "drift"),
    ("show ./walks --by season", "drift"),
    ("show ./walks --by length --markdown", "drift"),
    ("show ./walks --by shape", "error"),
    ("show ./walks --within latency_p99<5ms", "harness bench"),
    ("show ./walks --within speed<5", "error"),
    ("show ./walks --csv --markdown", "error"),
    ("publish ./walks results", "error"),
    ("compare ./walks ./walks", "A is"),
    ("compare ./walks ./walks --fail-if MASE=2", "error"),
    ("list", "FORECASTERS"),
    ("list plugins", "PLUGINS"),
    ("check drift", "check drift"),
    ("check failing", "check failing"),
    ("check walk", "check walk"),
    ("check MASE", "check MASE"),
    ("data list", "DATA"),
    ("data fetch nothing", "error"),
    ("verify", "M4"),
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Runs `harness` in this process, with the plugin above and without MLflow, and returns all that it prints."""
    folder = tmp_path_factory.mktemp("terms")
    install_plugin(folder / "site")
    write_board(folder / "walks")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder / "site")
        patch.chdir(folder)
        patch.setenv("COLUMNS", "100")
        patch.delenv("HARNESS_HOME", raising=False)
        catalog = load_catalog()
        catalog.manager.unregister(name="mlflow")
        patch.setattr(command_line, "load_catalog", lambda: catalog)
        installed_catalog.cache_clear()  # cells that run in this process look for the plugin there
        yield run_command
    installed_catalog.cache_clear()


@pytest.fixture(scope="module")
def first_output(shell: Callable[..., str]) -> str:
    """What the first run of the board prints."""
    return shell("run", "./walks", "--jobs", "0")


def install_plugin(site: Path) -> None:
    """The plugin as a distribution in a folder, as pip would install it."""
    metadata = site / "terms_plugin-0.dist-info"
    metadata.mkdir(parents=True)
    (site / "terms_plugin.py").write_text(PLUGIN, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: terms-plugin\nVersion: 0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[harness]\nterms = terms_plugin\n", encoding="utf-8")


def write_board(folder: Path) -> None:
    names = ("naive", "drift", "last", "failing", "refusing", "broken")
    folder.mkdir()
    forecasters = "".join(f'\n[[forecasters]]\nname = "{name}"\n' for name in names)
    (folder / "leaderboard.toml").write_text(BOARD + forecasters, encoding="utf-8")


def run_command(*arguments: str) -> str:
    """What a command prints, errors included."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(SystemExit):
        patch.setattr(sys, "argv", ["harness", *arguments])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        command_line.main()
    return out.getvalue() + err.getvalue()


class TestOutput:
    def test_that_of_a_first_run_uses_the_terms(self, first_output: str) -> None:
        assert_uses_the_terms(first_output, "Walks")
        assert "Nothing to do" not in first_output

    @pytest.mark.usefixtures("first_output")
    @pytest.mark.parametrize(("arguments", "expected"), OUTPUTS)
    def test_that_of_later_commands_uses_the_terms(
        self, shell: Callable[..., str], arguments: str, expected: str
    ) -> None:
        assert_uses_the_terms(shell(*arguments.split()), expected)


def assert_uses_the_terms(text: str, expected: str) -> None:
    assert expected in text
    assert "Traceback" not in text.replace("tracebacks", "")
    assert paraphrases(text) == []


class TestPatterns:
    @pytest.mark.parametrize(
        "text",
        [
            "the forecasts beside what came",
            "units are\n    drawn again",
            "who cannot be told from the best",
            "NaN counts for nothing",
            "for forecasters that draw; the board says else",
            "what is here, and whose it is",
        ],
    )
    def test_paraphrases_are_found(self, text: str) -> None:
        assert paraphrases(text) != []

    @pytest.mark.parametrize(
        "text",
        [
            "the series and its actuals",
            "lines are drawn as paths",
            "a replicate is drawn with replacement",
            "positions here are indices",
            "the value comes from the panel",
            "the null hypothesis is true",
        ],
    )
    def test_plain_sentences_are_not(self, text: str) -> None:
        assert paraphrases(text) == []
