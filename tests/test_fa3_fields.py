"""Every field of the schema is in the table of docs/plik-fa3.md: where it comes from, or why it is not told."""

import re
from pathlib import Path

from lxml import etree

from odoo.tests import TransactionCase

TABLE = Path(__file__).parents[1] / "docs" / "plik-fa3.md"
XS = "{http://www.w3.org/2001/XMLSchema}"
GROUPS = {f"{XS}{name}" for name in ("sequence", "choice", "complexType", "complexContent", "extension")}


class Fields:
    """The paths of all elements of a schema, below its root."""

    def __init__(self, schema):
        self._types = {each.get("name"): each for each in schema.iter(f"{XS}complexType") if each.get("name")}
        self.paths = set(self._below(schema.find(f"{XS}element"), ""))

    def _below(self, element, path):
        named = self._types.get((element.get("type") or "").split(":")[-1])
        for child in {each.get("name"): each for each in self._elements(element if named is None else named)}.values():
            yield path + child.get("name")
            yield from self._below(child, f"{path}{child.get('name')}/")

    def _elements(self, node):
        base = self._types.get((node.get("base") or "").split(":")[-1])
        if base is not None:
            yield from self._elements(base)
        for child in node:
            if child.tag == f"{XS}element":
                yield child
            elif child.tag in GROUPS:
                yield from self._elements(child)


class TestFields(TransactionCase):
    def test_the_table_holds_every_field(self):
        schema = etree.fromstring(self.env["account.move"]._l10n_pl_ksef_schema())
        paths = Fields(schema).paths
        self.assertGreater(len(paths), 350)
        left = set(paths)
        for path in re.findall(r"`([A-Z][\w/*]*)`", TABLE.read_text()):
            whole = path.removesuffix("/*")
            if path == "X/*":
                continue
            self.assertIn(whole, paths, "no field of the schema")
            left -= {whole} | {each for each in paths if path != whole and each.startswith(f"{whole}/")}
        parents = {path.rpartition("/")[0] for path in paths}
        self.assertEqual(sorted(left - parents), [], "not in docs/plik-fa3.md")
