"""Where this server keeps the master keys of the vault: never in the database.

The first of these that is set holds all keys, the current one first:

1. the environment variable L10N_PL_KSEF_VAULT_KEYS,
2. the option ``vault_keys`` in the section ``[l10n_pl_ksef]`` of odoo.conf,
3. the file ``l10n_pl_ksef/vault.keys`` in Odoo's data directory, made when the first secret is stored.
"""

import configparser
import os
from pathlib import Path

from odoo.tools import config

from ..ksef.keys import vault

ENVIRONMENT_VARIABLE = "L10N_PL_KSEF_VAULT_KEYS"
CONFIG_SECTION, CONFIG_OPTION = "l10n_pl_ksef", "vault_keys"


def key_file():
    """Path of the embedded key file."""
    return Path(config["data_dir"]) / "l10n_pl_ksef" / "vault.keys"


def key_location():
    """Where the master keys are looked for, for the settings page (str)."""
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return ENVIRONMENT_VARIABLE
    if _from_config_file():
        return f"{config['config']} [{CONFIG_SECTION}] {CONFIG_OPTION}"
    return str(key_file())


def open_vault(for_storing=False):
    """Return the ``Vault`` of this server.

    :param for_storing: a secret is about to be stored, so a key file is made if no key is configured at all
    :raises VaultKeyInvalid: the configured list of keys cannot be read
    """
    configured = os.environ.get(ENVIRONMENT_VARIABLE) or _from_config_file()
    if configured:
        return vault.Vault(vault.parse_keys(configured))
    if for_storing:
        vault.make_key_file(key_file())
    return vault.Vault(vault.read_key_file(key_file()))


def _from_config_file():
    # Odoo 19 reads its own section only
    parser = configparser.RawConfigParser()
    parser.read([config["config"]] if config["config"] else [])
    return parser.get(CONFIG_SECTION, CONFIG_OPTION, fallback="")
