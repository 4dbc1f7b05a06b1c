"""The terms of the addon in i18n/: the template as the addon has them now, and the translations in step with it.

Run by ``./dev terms`` in Odoo's shell, which has `env`.
"""

import io
import os
from pathlib import Path
from unittest.mock import patch

import polib

from odoo.modules import get_module_path
from odoo.tools.translate import trans_export

ADDON = "l10n_pl_ksef_offline"


def template(env):
    """Return the terms (``polib.POFile``) that the installed addon has, without translations."""
    folder, walk = get_module_path(ADDON), os.walk

    def walk_addon(path, followlinks=False):
        # Of all addons Odoo reads the files, and of this one those in .dev too, which lead back to it.
        for root, dirs, files in walk(folder) if Path(path) == Path(folder).parent else ():
            dirs[:] = [name for name in dirs if not name.startswith(".")]
            yield root, dirs, files

    buffer = io.BytesIO()
    with patch.object(os, "walk", walk_addon):
        trans_export(None, [ADDON], buffer, "po", env)
    return polib.pofile(buffer.getvalue().decode())


def refresh(env):
    """Write the template, and give each translation the terms that it has and no others."""
    i18n = Path(get_module_path(ADDON)) / "i18n"
    pot = polib.pofile(str(i18n / f"{ADDON}.pot"))
    pot[:] = template(env)
    pot.save()
    for path in i18n.glob("*.po"):
        translation = polib.pofile(str(path))
        translation.merge(pot)
        translation[:] = sorted((entry for entry in translation if not entry.obsolete), key=lambda entry: entry.msgid)
        translation.save()
        print(f"{path.name}: {len(translation.untranslated_entries())} terms without translation")


if __name__ == "__main__":
    refresh(env)
