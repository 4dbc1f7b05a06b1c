"""Whoever reads a call sees whether it commits: by the name, or by the first line of the docstring."""

import ast
from pathlib import Path

from odoo.tests import BaseCase

ADDON = Path(__file__).parents[1]
ROOMS = ("controllers", "models", "tools", "wizards")
COMMITS = {"commit", "_commit_progress"}


def functions():
    """Yield (where, function) of each function outside the tests and what is not loaded by Odoo."""
    for path in sorted(path for room in ROOMS for path in (ADDON / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(ADDON)}:{node.lineno} {node.name}", node


def called(function):
    """Return the names of what a function calls."""
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", None) for call in calls}


def says_so(function):
    first_line = (ast.get_docstring(function) or "").partition("\n")[0]
    return "commit" in f"{function.name} {first_line}".lower()


class TestCommits(BaseCase):
    def test_who_commits_says_so(self):
        found = dict(functions())
        committing = {where for where, function in found.items() if called(function) & COMMITS}
        self.assertGreater(len(committing), 5)
        self.assertEqual([where for where in sorted(committing) if not says_so(found[where])], [])

    def test_who_calls_what_commits_says_so(self):
        """Up to the job or the button, by the names of what is called."""
        found = dict(functions())
        committing, more = set(), COMMITS
        while more - committing:
            committing |= more
            more = {function.name for function in found.values() if called(function) & committing}
        silent = [where for where, function in found.items() if function.name in committing and not says_so(function)]
        self.assertEqual(silent, [])
