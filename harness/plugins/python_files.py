"""What a Python file imports, and a hash of its code without docstrings and comments. Nothing is executed.

Besides import statements, texts that look like the path of a module or of an object in it count as imports, since
import paths of classes are written as texts.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from harness.errors import Failure, attempt
from harness.plugins.module_files import content_of

EVERYTHING = "*"
_WORD = r"[A-Za-z_]\w*"
_REFERENCE = re.compile(rf"({_WORD}(?:\.\w+)*):({_WORD})(?:\.\w+)*")  # "package.module:object"
_DOTTED = re.compile(rf"({_WORD}(?:\.\w+)*)\.(\w+)")  # "package.module" or "package.module.object"
_PREFIX = re.compile(rf"({_WORD}(?:\.\w+)*)[.:](?:[{{%].*)?")  # "package." to which something is appended

_IMPORTERS = frozenset({"import_module", "__import__"})
# what imports modules that only running the file tells: as the name of a module, function or attribute
_DYNAMIC = _IMPORTERS | {
    *("runpy", "pkgutil", "imp", "zipimport", "__path__", "exec_module", "load_module", "spec_from_file_location"),
    *("SourceFileLoader", "pickle", "dill", "cloudpickle", "joblib", "read_pickle"),
}
_DYNAMIC_FUNCTIONS = _DYNAMIC | {"exec", "eval"}  # as attributes, these are methods such as that of torch modules


@dataclass(frozen=True)
class Import:
    """An import as a file writes it."""

    module: str
    level: int = 0  # number of leading dots
    name: str = ""  # what is imported from the module, EVERYTHING for a star; empty: the module itself
    bound: str = ""  # the name that the file has for it; empty: unknown
    runs: bool = False  # whether importing the file runs it
    certain: bool = True  # False: a text that may also be something else, such as the name of a file


@dataclass(frozen=True)
class PythonFile:
    """What matters of a Python file to others that import it."""

    code: str  # a hash of its code without docstrings and comments; of its bytes where it cannot be parsed
    imports: tuple[Import, ...] = ()
    bound: frozenset[str] = frozenset()  # names of the module
    attributes: frozenset[str] = frozenset()  # names of the attributes that it uses
    values: frozenset[str] = frozenset()  # names that it uses other than by an attribute
    decorators: frozenset[str] = frozenset()  # names of the decorators that importing it calls
    words: frozenset[str] = frozenset()  # its texts that are a name, such as that of a package of data files
    dynamic: bool = False  # whether it imports modules whose names only running it tells
    acts: bool = False  # whether importing it does more than import, define, and assign to names


def python_file(path: Path) -> PythonFile:
    """The Python file at a path, parsed once for each state of the file."""
    state = path.stat()
    return _python_file(str(path), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _python_file(path: str, _size: int, _time: int) -> PythonFile:
    content = content_of(path)
    parsed = attempt(partial(_parse, content))
    if isinstance(parsed, Failure):
        return PythonFile(hashlib.sha256(content).hexdigest(), dynamic=True, acts=True)
    return parsed


def _parse(content: bytes) -> PythonFile:
    with warnings.catch_warnings():  # about escape sequences in texts
        warnings.simplefilter("ignore")
        tree = ast.parse(content)
    reader = _Reader()
    reader.visit(tree)  # also removes docstrings
    return PythonFile(
        hashlib.sha256(ast.unparse(tree).encode(errors="surrogatepass")).hexdigest(),
        tuple(dict.fromkeys(reader.imports)),
        frozenset(reader.bound),
        frozenset(reader.attributes),
        frozenset(reader.values),
        frozenset(reader.decorators),
        frozenset(reader.words),
        reader.dynamic,
        any(map(_acts, tree.body)),
    )


def _remove_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Remove all statements of a body that are a text; other code is not affected by them."""
    node.body = [statement for statement in node.body if not _is_text(statement)]
    if not node.body and not isinstance(node, ast.Module):
        node.body = [ast.Pass()]


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _acts(statement: ast.stmt) -> bool:
    """Whether a statement of a module does more than import, define, and assign to names."""
    match statement:
        case ast.Assign(targets=targets):
            return not all(map(_is_name, targets))
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return not _is_name(target)
        case ast.Expr(value=value):
            return not isinstance(value, ast.Constant)
        case ast.If(test=test, body=body, orelse=orelse):
            return any(map(_acts, orelse if _is_left_out(test) else [*body, *orelse]))
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            handled = [inner for handler in handlers for inner in handler.body]
            return any(map(_acts, [*body, *handled, *orelse, *final]))
    passive = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass, ast.Assert)
    return not isinstance(statement, passive) and type(statement).__name__ != "TypeAlias"


def _is_name(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_is_name, target.elts))
    return isinstance(target, ast.Name | ast.Starred)


def _is_left_out(test: ast.expr) -> bool:
    """Whether what an `if` guards does not run when the file is imported: TYPE_CHECKING, or the name "__main__"."""
    if isinstance(test, ast.Compare):
        return isinstance(test.left, ast.Name) and test.left.id == "__name__"
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


class _Reader(ast.NodeVisitor):
    """Collects what a file imports, binds and uses, and removes its docstrings."""

    def __init__(self) -> None:
        self.imports: list[Import] = []
        self.bound: set[str] = set()
        self.attributes: set[str] = set()
        self.values: set[str] = set()
        self.decorators: set[str] = set()
        self.words: set[str] = set()
        self.dynamic = False
        self._runs = True  # whether importing the file runs what is visited

    def visit_Module(self, node: ast.Module) -> None:
        _remove_docstring(node)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        checking = "TYPE_CHECKING" in (getattr(node.test, "id", ""), getattr(node.test, "attr", ""))
        self._visit_all(node.orelse if checking else [node.test, *node.body, *node.orelse])

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        _remove_docstring(node)
        self._define(node)
        self._visit_all([*node.decorator_list, node.args, *([node.returns] if node.returns else [])])
        before, self._runs = self._runs, False
        self._visit_all(node.body)
        self._runs = before

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        _remove_docstring(node)
        self._define(node)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.dynamic |= not _DYNAMIC.isdisjoint(alias.name.split("."))
            self._add(Import(alias.name, bound=alias.asname or alias.name.partition(".")[0], runs=self._runs))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for alias in node.names:
            is_importer = alias.name in _IMPORTERS and alias.asname is None
            self.dynamic |= not _DYNAMIC.isdisjoint([*module.split("."), *([] if is_importer else [alias.name])])
            self._add(Import(module, node.level, alias.name, alias.asname or alias.name, self._runs))

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        found = _constant_import(node) if name in _IMPORTERS else None
        if found is None:
            self.generic_visit(node)
        else:
            self.imports.append(found)
        if name == "load" and getattr(getattr(node.func, "value", None), "id", "") == "torch":
            self.dynamic |= not any(keyword.arg == "weights_only" for keyword in node.keywords)

    def visit_Name(self, node: ast.Name) -> None:
        self.dynamic |= node.id in _DYNAMIC_FUNCTIONS
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id)
        else:
            self.values.add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.dynamic |= node.attr in _DYNAMIC
        self.attributes.add(node.attr)
        if not isinstance(node.value, ast.Name):
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.dynamic |= node.value in _IMPORTERS
            self.words |= {node.value} if node.value.isidentifier() else set()
            self.imports += _named_in(node.value)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._bind(node.name)
        if self._runs:
            self.decorators |= {_root(decorator) for decorator in node.decorator_list}

    def _add(self, found: Import) -> None:
        self.imports.append(found)
        self._bind(found.bound)

    def _bind(self, name: str) -> None:
        if self._runs:
            self.bound.add(name)

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _constant_import(call: ast.Call) -> Import | None:
    """What `import_module("package.module")` imports; None if only running it tells."""
    match call:
        case ast.Call(args=[ast.Constant(value=str(name))], keywords=[]) if not name.startswith("."):
            return Import(name)
        case ast.Call(args=[ast.Constant(value=str(name)), ast.Name(id="__package__")], keywords=[]):
            return Import(name.lstrip("."), len(name) - len(name.lstrip(".")))
    return None


def _named_in(text: str) -> Iterator[Import]:
    """The module or object that a text names, if it may name one."""
    if found := _REFERENCE.fullmatch(text):
        yield Import(found.group(1), name=found.group(2))
    elif found := _DOTTED.fullmatch(text):
        yield Import(found.group(1), name=found.group(2), certain=False)
    elif found := _PREFIX.fullmatch(text):
        yield Import(found.group(1), name=EVERYTHING, certain=False)


def _root(expression: ast.expr) -> str:
    """The name that an expression such as `package.function(…)` begins with."""
    while isinstance(expression, ast.Call | ast.Attribute):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    return getattr(expression, "id", "")
