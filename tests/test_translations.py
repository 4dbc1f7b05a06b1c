from pathlib import Path

import polib

from odoo.tests import BaseCase

I18N = Path(__file__).parents[1] / "i18n"


class TestTranslations(BaseCase):
    def test_polish_is_complete(self):
        polish = {entry.msgid: entry for entry in polib.pofile(str(I18N / "pl.po"))}
        for entry in polib.pofile(str(I18N / "l10n_pl_ksef_offline.pot")):
            with self.subTest(entry.msgid):
                self.assertTrue(polish[entry.msgid].msgstr)
                self.assertFalse(polish[entry.msgid].fuzzy)
