"""Hashes of the project's own code: what a result was made by.

The hash of a module covers every module of the project it imports, at whatever depth, without comments, docstrings
and blank lines, so that words may change without anything being made again. It is the same on every Python version.
"""

import ast
import functools
import hashlib
import io
import os
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2]
_PACKAGES = ("segtalker", "flows", "lightning_modules", "datamodules")
# how work is run, told and written down; none of it changes what comes out, and values of params are hashed themselves
_WITHOUT_EFFECT = (
    "flows.dvc",
    "flows.stages.common",
    "segtalker.clips.worker_pools",
    "segtalker.config",
    "segtalker.tracking",
    "segtalker.utils",
)


@functools.cache
def code_hash(*modules: str) -> str:
    """Hash of all code that modules are made of, as it was when this process first asked.

    Args:
        modules: full names, such as `segtalker.preprocessing.crop`; others than the project's count for nothing.

    Returns:
        64 hex digits.
    """
    digest = hashlib.sha256()
    for path in code_files(*modules):
        name = path.relative_to(_PROJECT).as_posix()
        content = source_without_words(path) if path.suffix == ".py" else path.read_text(encoding="utf-8")
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()


def project_files() -> Iterator[Path]:
    """All files of the project's packages, but for compiled ones."""
    for package in _PACKAGES:
        for folder, _, names in os.walk(_PROJECT / package):
            yield from (Path(folder, name) for name in names if not name.endswith(".pyc"))


def code_files(*modules: str) -> tuple[Path, ...]:
    """Files whose change can change what modules do: their import closure and the data files of their packages."""
    closure: set[str] = set()
    waiting = [module for module in modules if _is_of_project(module)]
    while waiting:
        module = waiting.pop()
        if module not in closure:
            closure.add(module)
            waiting += [name for name in _imports(_file(module)) if not _is_without_effect(name)]
    files = {_file(module) for module in closure}
    return tuple(sorted(files | {data for file in files for data in _data_files(file.parent)}))


def _file(module: str) -> Path:
    path = _PROJECT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_without_effect(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in _WITHOUT_EFFECT)


@functools.cache
def _imports(file: Path) -> tuple[str, ...]:
    """Modules of the project that a file imports, wherever in it, but for the type checker."""
    names: list[str] = []
    for node in _statements(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name for name in names if _is_of_project(name))


def _statements(block: ast.AST) -> Iterator[ast.stmt]:
    """All statements at whatever depth that run; expressions hold none."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for node in getattr(block, part, ()):
            if not isinstance(node, ast.If) or "TYPE_CHECKING" not in ast.unparse(node.test):
                yield node
                yield from _statements(node)


def _is_of_project(module: str) -> bool:
    return module.split(".")[0] in _PACKAGES and _file(module).is_file()


def _run_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _run_nodes(child)


@functools.cache
def _data_files(package: Path) -> tuple[Path, ...]:
    """What is no Python in a package and in those it is part of: tables, templates."""
    if package.parent == _PROJECT:
        return ()
    folders = [folder for folder in package.iterdir() if folder.is_dir() and not (folder / "__init__.py").is_file()]
    inside = [*package.iterdir(), *(file for folder in folders for file in folder.rglob("*"))]
    own = (file for file in inside if file.is_file() and file.suffix not in (".py", ".pyc") and file.name[0] != ".")
    return (*own, *_data_files(package.parent))


@functools.cache
def source_without_words(path: Path) -> str:
    """A Python file without comments, docstrings, blank lines and spaces at the end of lines."""
    text = path.read_text(encoding="utf-8")
    lines, tree = text.splitlines(), ast.parse(text)
    for node in (tree, *_statements(tree)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and _has_docstring(
            node
        ):
            words = node.body[0]
            for number in range(words.lineno - 1, words.end_lineno or words.lineno):
                lines[number] = ""
    for row, column in _comments(text) if "#" in text else ():
        lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return ast.get_docstring(node, clean=False) is not None


def _comments(text: str) -> Iterable[tuple[int, int]]:
    """Where comments begin: line from 1, column from 0."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start
