"""The promises about the file itself: one file, standard library, Python 3.9."""

from __future__ import annotations

import ast
import glob
import os
import subprocess
import sys
import unittest
from typing import Iterator, List, Set

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = sorted(glob.glob(os.path.join(HERE, "*.py")) + glob.glob(os.path.join(HERE, "*", "*.py")))
# In Python 3.9 on every system, and still there in the newest; fcntl and msvcrt on one kind each.
STANDARD = {
    "__future__", "argparse", "ast", "calendar", "collections", "contextlib", "csv",
    "dataclasses", "datetime", "decimal", "email", "errno", "fcntl", "glob", "http", "io",
    "ipaddress", "itertools", "json", "logging", "math", "msvcrt", "os", "pickle", "random",
    "re", "shutil", "signal", "socket", "ssl", "stat", "subprocess", "sys", "tempfile",
    "threading", "time", "traceback", "typing", "unittest", "urllib", "uuid", "zlib",
}


def tree_of(path: str) -> ast.Module:
    with open(path, encoding="utf-8") as file:
        return ast.parse(file.read(), path, feature_version=(3, 9))


def imported(tree: ast.Module) -> Set[str]:
    names: Set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def unions_at_run_time(tree: ast.Module) -> Iterator[int]:
    """Lines with `X | Y` in what looks like a type alias: annotations are not evaluated."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            sides = [one.id for one in (node.left, node.right) if isinstance(one, ast.Name)]
            if any(name[:1].isupper() and not name.isupper() for name in sides):
                yield node.lineno


class TheFile(unittest.TestCase):
    def test_is_python_3_9(self) -> None:
        self.assertGreater(len(FILES), 8)
        for path in FILES:
            tree = tree_of(path)
            self.assertEqual(list(unions_at_run_time(tree)), [], path)
            matches = [one for one in ast.walk(tree) if type(one).__name__ in ("Match", "TryStar")]
            self.assertEqual(matches, [], path)

    def test_needs_the_standard_library_only(self) -> None:
        for path in FILES:
            own = {"tradewarden", "testing", "example"}
            if os.path.basename(path) == "tradewarden.py":
                own = set()
            elif os.path.basename(path) == "example.py":
                own = {"tradewarden"}
            self.assertEqual(imported(tree_of(path)) - STANDARD - own, set(), path)

    def test_works_where_it_is_copied_to(self) -> None:
        """Alone, without warnings, also with -O, and without a single import of its own at hand."""
        code = ("import sys, warnings\nwarnings.simplefilter('error')\n"
                "with open(sys.argv[1], encoding='utf-8') as file:\n    source = file.read()\n"
                "space = {'__name__': 'copied'}\nimport types\n"
                "sys.modules['copied'] = module = types.ModuleType('copied')\n"
                "exec(compile(source, 'copied.py', 'exec'), module.__dict__)\n"
                "assert all(hasattr(module, name) for name in module.__all__)\n")
        path = os.path.join(HERE, "tradewarden.py")
        for option in ("-I", "-O", "-OO"):
            subprocess.run([sys.executable, option, "-c", code, path], check=True, cwd="/")

    def test_is_typed_throughout(self) -> None:
        for path in FILES:
            untyped: List[str] = []
            for node in ast.walk(tree_of(path)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                    names = [one for one in given if one.arg not in ("self", "cls")]
                    typed = all(one.annotation is not None for one in names)
                    if not typed or (node.returns is None and node.name != "__init__"):
                        untyped.append(f"{node.name}, line {node.lineno}")
            self.assertEqual(untyped, [], path)

    def test_has_no_line_of_more_than_100_columns(self) -> None:
        for path in FILES:
            with open(path, encoding="utf-8") as file:
                long = [number for number, line in enumerate(file, 1) if len(line) > 101]
            self.assertEqual(long, [], path)


if __name__ == "__main__":
    unittest.main()
