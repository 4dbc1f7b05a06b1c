"""The lives of documents, sessions and certificates: one table each, drawn and kept to."""

import ast
import re
from pathlib import Path

from odoo.tests import TransactionCase

ADDON = Path(__file__).parents[1]
LIVES = ("l10n_pl_ksef.document", "l10n_pl_ksef.submission", "l10n_pl_ksef.certificate")
# These name a state in passing: a new record's first one, and a wizard's own
FIRST_STATES = {("models/certificate.py", "_add_key")}
ARROW = re.compile(r"^\s+([a-z_]+)(?: \([a-z ]+\))? -> ([a-z_, ]+)$", re.MULTILINE)


class TestStates(TransactionCase):
    def test_every_state_is_known(self):
        for name in LIVES:
            states = {state for state, _label in self.env[name]._fields["state"].selection}
            table = self.env[name]._transitions
            with self.subTest(name):
                self.assertEqual({state for pair in table for state in pair}, states)
                self.assertFalse([pair for pair in table if pair[0] == pair[1]])
                self.assertTrue(all(table.values()), "each has an act")

    def test_the_drawing_is_the_table(self):
        for name in LIVES:
            definition = next(c for c in type(self.env[name]).mro() if c.__dict__.get("_description") and c.__doc__)
            drawn = {(old, new.strip()) for old, news in ARROW.findall(definition.__doc__) for new in news.split(",")}
            with self.subTest(name):
                self.assertEqual(drawn, set(self.env[name]._transitions))

    def test_no_other_way(self):
        for name in LIVES:
            model = self.env[name]
            states = [state for state, _label in model._fields["state"].selection]
            for old in states:
                for new in states:
                    record = model.new({"state": old})
                    with self.subTest(name, old=old, new=new):
                        self.assertEqual(record._can_become(new), (old, new) in model._transitions)
                        if old != new and not record._can_become(new):
                            with self.assertRaises(ValueError):
                                record._to(new)

    def test_nothing_else_writes_a_state(self):
        """Neither by assignment nor in the values of a write."""
        paths = ["models/certificate.py", "models/submission.py", *Path(ADDON, "models/document").glob("*.py")]
        for path in (ADDON / path for path in paths):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef):
                    written = self.states_written_in(function)
                    if written and (str(path.relative_to(ADDON)), function.name) not in FIRST_STATES:
                        self.fail(f"{path.name}, {function.name}: only _to writes a state")

    def states_written_in(self, function):
        for node in ast.walk(function):
            targets = node.targets if isinstance(node, ast.Assign) else ()
            if any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets):
                return True
            if isinstance(node, ast.Dict) and any(
                isinstance(key, ast.Constant) and key.value == "state" for key in node.keys
            ):
                return True
        return False
