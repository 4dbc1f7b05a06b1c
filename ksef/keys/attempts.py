"""Try to read bytes that may be anything: what the libraries raise at those never leaves this package."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm

from .. import errors

# What cryptography and asn1crypto raise at bytes that they cannot read.
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,  # a type of text in a name that X.520 does not know
    AttributeError,  # of a part that is not there
    OverflowError,
    InternalError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def attempt(
    read,
    *arguments,
    unsupported: type[errors.KeyUnsupported] | None = errors.KeyUnsupported,
    told: Mapping[re.Pattern, Callable[[], errors.KsefError]] = MappingProxyType({}),
):
    """``read(*arguments)``, or None where that is not possible with these data.

    The cause is dropped on purpose: it may quote what was in a file.

    :param unsupported: error for an algorithm that cryptography does not know; None to pass over it.
    :param told: errors to raise for what the library says of some of its own.
    :raises KsefError: ``unsupported``, one of ``told``, or what ``read`` itself raises of this package.
    """
    known, words = True, ""
    try:
        return read(*arguments)
    except _UNREADABLE as error:
        words = str(error)
    except UnsupportedAlgorithm:
        known = False
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of cryptography's Rust code; it cannot be imported
            raise
    if unsupported and not known:
        raise unsupported(found="unknown")  # outside of the handler, so that the cause is not kept
    for pattern, refusal in told.items():
        if pattern.search(words):
            raise refusal()
    return None
