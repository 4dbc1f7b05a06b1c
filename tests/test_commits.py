"""Whoever reads a call sees whether it commits, by the name or the first line of the docstring; and what is caught."""

import ast
from pathlib import Path

from psycopg2.errors import SerializationFailure

from odoo.tests import BaseCase, TransactionCase

from ..ksef.errors import KsefError
from ..tools.jobs import OutOfTime, attempt

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


class TestAttempt(TransactionCase):
    def attempt(self, error, **values):
        """Change a record and fail; return the record and the attempt."""
        partner = self.env["res.partner"].create({"name": "before"})
        with attempt(self.env, "Partner %s cannot be named", partner.id, savepoint=True, **values) as naming:
            partner.name = "after"
            raise error
        return partner, naming

    def test_undone_logged_and_kept(self):
        error = ValueError("of another module")
        with self.assertLogs(attempt.__module__, level="WARNING") as log:
            partner, naming = self.attempt(error)
        self.assertIs(naming.error, error)
        self.assertEqual(partner.name, "before")
        self.assertIn(f"Partner {partner.id} cannot be named", log.output[0])
        self.assertIn("of another module", log.output[0], "with its traceback")

    def test_done(self):
        with attempt(self.env, "Nothing fails") as nothing:
            pass
        self.assertIsNone(nothing.error)

    def test_what_is_not_stopped(self):
        for error, values in (
            (OutOfTime(), {}),
            (SerializationFailure(), {}),  # Odoo tries again
            (KsefError(), {"passing": (KsefError,)}),
        ):
            with self.subTest(error), self.assertRaises(type(error)):
                self.attempt(error, **values)
