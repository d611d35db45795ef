"""The tasks of fev, read from its task files; what has no counterpart is refused with the task and the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from harness import BadInput
from harness_fev.metrics import ARGUMENTS, SCALED, WITH_EPSILON, metric_name

ALL_COLUMNS = "__ALL__"
FORMER_NAMES = {
    "num_rolling_windows": "num_windows",
    "rolling_step_size": "window_step_size",
    "cutoff": "initial_cutoff",
    "target_column": "target",
    "multiple_target_columns": "generate_univariate_targets_from",
}
IGNORED = ("lead_time",)  # which fev ignores, too
WITHOUT_COUNTERPART = ("MAEB", "WAPEB")
INSTALL = "reading task files needs the package PyYAML: pip install 'forecast-harness[fev]'"


@dataclass(frozen=True)
class FevMetric:
    """A metric of a task, with the lower bound of its denominator."""

    name: str  # in fev
    epsilon: float = 0.0

    @property
    def label(self) -> str:
        """Its name in harness."""
        return metric_name(self.name, self.epsilon)


@dataclass(frozen=True, kw_only=True)
class FevTask:
    """A task of fev, with the names and the defaults of its fields there; lists of columns are sorted."""

    dataset_path: str
    dataset_config: str | None = None
    horizon: int = 1
    num_windows: int = 1
    initial_cutoff: int | str | None = None  # None only before the defaults are filled in
    window_step_size: int | str | None = None
    min_context_length: int = 1
    max_context_length: int | None = None
    seasonality: int = 1
    eval_metric: str | Mapping[str, Any] = "MASE"
    extra_metrics: tuple[str | Mapping[str, Any], ...] = ()
    quantile_levels: tuple[float, ...] = ()
    id_column: str = "id"
    timestamp_column: str = "timestamp"
    target: str | tuple[str, ...] = "target"
    generate_univariate_targets_from: tuple[str, ...] | Literal["__ALL__"] | None = None
    known_dynamic_columns: tuple[str, ...] = ()
    past_dynamic_columns: tuple[str, ...] = ()
    static_columns: tuple[str, ...] = ()
    task_name: str = ""

    @property
    def metric(self) -> FevMetric:
        """The metric that ranks."""
        return _metric(self.task_name, "eval_metric", self.eval_metric)

    @property
    def metrics(self) -> tuple[FevMetric, ...]:
        """The metric that ranks, and then the others."""
        return (self.metric, *(_metric(self.task_name, "extra_metrics", each) for each in self.extra_metrics))

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns."""
        return (self.target,) if isinstance(self.target, str) else self.target

    @property
    def covariates(self) -> tuple[str, ...]:
        """All covariates."""
        return (*self.known_dynamic_columns, *self.past_dynamic_columns, *self.static_columns)

    def to_json(self) -> dict[str, Any]:
        """The task as values of a task file, and of a row of results."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def refusal(task: str, field: str, problem: str) -> BadInput:
    """The error of a field that does not fit, or has no counterpart."""
    return BadInput(f"task {task!r}: {field} {problem}")


def read_tasks(path: Path) -> tuple[FevTask, ...]:
    """The tasks of a task file; raises BadInput for what is wrong in it, or has no counterpart in harness."""
    return read_tables(_tables(path))


def read_tables(tables: Sequence[object]) -> tuple[FevTask, ...]:
    """The tasks of tables of their fields; raises BadInput as `read_tasks` does."""
    tasks = tuple(_task(table, position) for position, table in enumerate(tables, start=1))
    names = [task.task_name for task in tasks]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BadInput(f"two tasks are called {repeated[0]!r}; give one of them another task_name")
    return tasks


def _tables(path: Path) -> list[Any]:
    try:
        import yaml
    except ImportError as error:
        raise BadInput(INSTALL) from error
    if not path.is_file():
        remote = "; download it first" if "://" in str(path) or ":/" in str(path) else ""
        raise BadInput(f"there is no task file {path}{remote}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    tables = content.get("tasks") if isinstance(content, dict) else None
    if not isinstance(tables, list) or not tables:
        raise BadInput(f"{path} has no list of tasks under the key 'tasks'")
    return tables


def _task(table: object, position: int) -> FevTask:
    if not isinstance(table, dict):
        raise BadInput(f"task {position} is no table of fields, but {table!r:.80}")
    given = {FORMER_NAMES.get(str(name), str(name)): value for name, value in table.items() if name not in IGNORED}
    label = str(given.get("task_name") or given.get("dataset_config") or given.get("dataset_path") or position)
    known = [field.name for field in fields(FevTask)]
    for name, value in given.items():
        if name not in known:
            raise refusal(label, str(name), f"is no field of a task; the fields are {', '.join(known)}")
        wanted, fits = KINDS[name]
        if not fits(value):
            raise refusal(label, name, f"must be {wanted}, not {value!r:.80}")
    if not given.get("dataset_path"):
        raise refusal(label, "dataset_path", "is missing")
    return _with_defaults(given)


def _with_defaults(given: Mapping[str, Any]) -> FevTask:
    """A task whose fields are of the right types, with the values that fev fills in."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    for name in ("target", "known_dynamic_columns", "past_dynamic_columns", "static_columns", "quantile_levels"):
        if isinstance(values.get(name), tuple):
            values[name] = tuple(sorted(values[name]))
    if not values.get("task_name"):
        config = values.get("dataset_config")
        values["task_name"] = config or "/".join(Path(values["dataset_path"]).parts[-3:-1])
    horizon, windows = values.get("horizon", 1), values.get("num_windows", 1)
    step = values.setdefault("window_step_size", None) or horizon
    values["window_step_size"] = step
    if values.get("initial_cutoff") is None:
        if not isinstance(step, int):
            raise refusal(values["task_name"], "window_step_size", "must be a number of steps without initial_cutoff")
        values["initial_cutoff"] = -horizon - (windows - 1) * step
    task = FevTask(**values)
    _check(task)
    return task


def _check(task: FevTask) -> None:
    """Raise BadInput for fields that do not fit together, or whose meaning harness does not have."""
    name, cutoff, step = task.task_name, task.initial_cutoff, task.window_step_size
    if isinstance(cutoff, int):
        if not isinstance(step, int):
            raise refusal(name, "window_step_size", "must be a number of steps where initial_cutoff is one")
        latest = -task.horizon - (task.num_windows - 1) * step
        if latest < cutoff < 0:
            raise refusal(name, "initial_cutoff", f"must be at most {latest}, so that all windows fit, not {cutoff}")
    if task.generate_univariate_targets_from is not None and not isinstance(task.target, str):
        raise refusal(name, "generate_univariate_targets_from", "needs a single target")
    names = [metric.name for metric in task.metrics]
    repeated = sorted({metric for metric in names if names.count(metric) > 1})
    if repeated:
        raise refusal(name, "extra_metrics", f"has {repeated[0]} again; name each metric once")
    for metric in names:
        if ARGUMENTS[metric].get("quantiles") and not task.quantile_levels:
            raise refusal(name, "quantile_levels", f"is empty, and {metric} needs quantiles")
        if metric in SCALED and task.max_context_length is not None:
            raise refusal(
                name,
                "max_context_length",
                f"= {task.max_context_length} with {metric} has no counterpart: fev scales by the seasonal error of "
                "these observations, and harness by that of all before the cutoff; leave the field out, and limit what "
                "forecasters are given by --max-context",
            )


def _metric(task: str, field: str, given: str | Mapping[str, Any]) -> FevMetric:
    """A metric by its name, or by a table with its name and epsilon; raises BadInput for what harness does not have."""
    settings = {"name": given} if isinstance(given, str) else dict(given)
    name = str(settings.pop("name", "")).upper()
    epsilon = settings.pop("epsilon", 0.0)
    if name in WITHOUT_COUNTERPART:
        raise refusal(task, field, f"{name} is no mean of losses, and has no counterpart in harness")
    if name not in ARGUMENTS:
        raise refusal(task, field, f"has an unknown metric {name!r}; the metrics are {', '.join(ARGUMENTS)}")
    if settings:
        raise refusal(task, field, f"sets {next(iter(settings))!r} of {name}, which harness does not have")
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or epsilon < 0:
        raise refusal(task, field, f"must have an epsilon of 0 or more, not {epsilon!r}")
    if epsilon and name not in WITH_EPSILON:
        raise refusal(task, field, f"sets epsilon of {name}, which harness has only for {' and '.join(WITH_EPSILON)}")
    return FevMetric(name, float(epsilon))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_columns(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len(set(value)) == len(value)


def _is_level(value: object) -> bool:
    return isinstance(value, float) and 0 < value < 1


def _is_metric(value: object) -> bool:
    return _is_text(value) or (isinstance(value, dict) and _is_text(value.get("name")))


def _is_cutoff(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool) and value != 0) or _is_text(value)


def _optional(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or fits(value)


COUNT = ("a whole number of at least 1", _is_count)
COLUMN = ("the name of a column", _is_text)
COLUMNS = ("a list of names of columns, each once", _is_columns)
KINDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "dataset_path": ("a text", _is_text),
    "dataset_config": ("a text", _optional(_is_text)),
    "horizon": COUNT,
    "num_windows": COUNT,
    "initial_cutoff": ("a number of steps other than 0, or a date in quotes", _optional(_is_cutoff)),
    "window_step_size": (
        "a number of steps of at least 1, or a pandas offset",
        _optional(lambda value: _is_count(value) or _is_text(value)),
    ),
    "min_context_length": COUNT,
    "max_context_length": (COUNT[0], _optional(_is_count)),
    "seasonality": COUNT,
    "eval_metric": ("a metric, by its name or a table with it", _is_metric),
    "extra_metrics": ("a list of metrics", lambda value: isinstance(value, list) and all(map(_is_metric, value))),
    "quantile_levels": (
        "a list of levels between 0 and 1, each once",
        lambda value: isinstance(value, list) and all(map(_is_level, value)) and len(set(value)) == len(value),
    ),
    "id_column": COLUMN,
    "timestamp_column": COLUMN,
    "target": ("a column, or a list of them", lambda value: _is_text(value) or (_is_columns(value) and bool(value))),
    "generate_univariate_targets_from": (
        f"a list of columns, or {ALL_COLUMNS}",
        _optional(lambda value: value == ALL_COLUMNS or (_is_columns(value) and bool(value))),
    ),
    "known_dynamic_columns": COLUMNS,
    "past_dynamic_columns": COLUMNS,
    "static_columns": COLUMNS,
    "task_name": ("a text", _optional(_is_text)),
}
