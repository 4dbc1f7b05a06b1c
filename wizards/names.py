"""Names of certificates as KSeF accepts them (open-api.json: EnrollCertificateRequest.certificateName)."""

import re

from odoo.exceptions import ValidationError

NAME_LENGTH = range(5, 101)
NAME_TO_REQUEST = re.compile(r"[A-Za-z0-9_\- ąćęłńóśźżĄĆĘŁŃÓŚŹŻ]{5,100}")


def check_names(wizards):
    """Refuse names that are too short or too long."""
    if any(len(wizard.name.strip()) not in NAME_LENGTH for wizard in wizards):
        raise ValidationError(wizards.env._("Give the certificate a name of 5 to 100 characters, as KSeF requires."))
