"""Every name of Odoo's own KSeF addon that is touched is touched in one Python file and one view file."""

import re
from pathlib import Path

from odoo.tests import BaseCase

ADDON = Path(__file__).parents[1]
FOLDERS = ("models", "wizards", "controllers", "report", "tools", "views", "data", "security")
THEIRS = re.compile(r"l10n_pl_edi|\bksef_(verification|certificate)_code\b|[\"']pl_ksef[\"']")
SEAM = {"models/l10n_pl_edi.py", "views/l10n_pl_edi_views.xml"}
# The name of its module, in prose and in the order of imports; columns that a neutralized database must lack.
ALLOWED = {"models/__init__.py", "data/neutralize.sql"}


class TestSeam(BaseCase):
    def test_their_names_are_touched_in_the_seam_alone(self):
        for folder in FOLDERS:
            for path in sorted((ADDON / folder).rglob("*")):
                name = str(path.relative_to(ADDON))
                if path.suffix not in (".py", ".xml", ".csv", ".sql") or name in SEAM | ALLOWED:
                    continue
                with self.subTest(name):
                    self.assertFalse({match.group() for match in THEIRS.finditer(path.read_text())})
