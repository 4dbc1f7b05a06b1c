"""A plugin of pytest: the addons' code is loaded in the order of a server, before the tests load this addon's first.

Odoo puts the controllers of several addons into one class in the order in which they were loaded.
"""

import pytest

from odoo.modules.registry import Registry
from odoo.tools import config


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    Registry(*config["db_name"])
