"""Seller, buyer, and others who have to do with the invoice."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from stdnum.eu import vat as eu_vat
from stdnum.gb import vat as gb_vat
from stdnum.pl import nip

NAME_LIMIT = 512
# prefixes of VAT numbers in the EU, as the type TKodyKrajowUE has them, but the Polish one
EU_PREFIXES = tuple("AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PT RO SE SI SK XI".split())
_PREFIX_OF_COUNTRY = {"GR": "EL"}
_EU_NUMBER = re.compile(r"[0-9A-Z+*]{1,12}")


@dataclass(frozen=True)
class Address:
    """An address beside that of a party; ``country`` by ISO 3166, ``gln`` its global location number."""

    country: str
    first_line: str
    second_line: str = ""
    gln: str = ""


@dataclass(frozen=True)
class Contact:
    """An e-mail address, a telephone number, or both (DaneKontaktowe)."""

    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Party:
    """Somebody, as the books have him; ``country`` by ISO 3166.

    :ivar internal_id: IDWew, of a unit of a third party: its NIP, a hyphen and five digits
    :ivar gln: global location number of the address
    :ivar correspondence: another address, to which letters go (AdresKoresp)
    :ivar contacts: FA(3) takes three
    :ivar customer_number: NrKlienta, the seller's own number of a buyer
    :ivar buyer_key: IDNabywcy, which ties a buyer to his data before a correction
    :ivar is_local_government: JST; who of its units receives the thing is a ``ThirdParty`` with the role 8
    :ivar is_in_vat_group: GV; the member is a ``ThirdParty`` with the role 10
    :ivar taxpayer_status: StatusInfoPodatnika, of a seller: "1" in liquidation, "2" in restructuring, "3" bankrupt,
        "4" enterprise in inheritance
    """

    name: str
    vat: str
    country: str
    country_name: str = ""
    street: str = ""
    city: str = ""
    is_company: bool = False
    internal_id: str = ""
    gln: str = ""
    correspondence: Address | None = None
    contacts: tuple[Contact, ...] = ()
    eori: str = ""
    customer_number: str = ""
    buyer_key: str = ""
    is_local_government: bool = False
    is_in_vat_group: bool = False
    taxpayer_status: str = ""

    @cached_property
    def address(self) -> Address | None:
        """The ``Address`` as FA(3) has it, None if no country is known."""
        lines = (self.street, self.city) if self.street else (self.city or self.country_name, "")
        return Address(self.country, *lines, self.gln) if self.country else None

    @cached_property
    def nip(self) -> str:
        """Ten digits of a Polish tax ID, right or wrong; an empty str for others."""
        number = self._number
        return nip.compact(number) if number.startswith("PL") or (number[:1].isdigit() and self.country == "PL") else ""

    @cached_property
    def eu_number(self) -> tuple[str, str] | None:
        """Prefix and number of a valid VAT ID of another EU country, or None; the books may have it without prefix."""
        own_prefix = _PREFIX_OF_COUNTRY.get(self.country, self.country)
        for prefix, number in ((self._number[:2], self._number[2:]), (own_prefix, self._number)):
            if prefix in EU_PREFIXES and _EU_NUMBER.fullmatch(number) and _is_eu_number(prefix, number):
                return prefix, number
        return None

    @cached_property
    def other_number(self) -> str:
        """A tax ID that is neither a NIP nor an EU VAT number, without the country it is given with."""
        number = self._number
        return number[2:] if number[:2] == self.country and number[2:3].isdigit() else number

    @cached_property
    def _number(self):
        # Odoo's way to say that somebody has no tax ID is a slash.
        return "" if self.vat == "/" else re.sub(r"[\s.\-]", "", self.vat).upper()

    @property
    def identity(self) -> tuple:
        """Under which number he buys, the same for one taxpayer whatever his name and address are."""
        return self.nip, self.eu_number, "" if self.nip or self.eu_number else self.other_number

    @property
    def declared_without_number(self) -> bool:
        return self.vat == "/"


@dataclass(frozen=True)
class ThirdParty:
    """Podmiot3: somebody beside seller and buyer.

    :ivar role: "1" factor, "2" recipient, "3" original entity, "4" additional buyer, "5" issuer, "6" payer,
        "7" local government unit as issuer, "8" as recipient, "9" VAT group member as issuer, "10" as recipient,
        "11" employee
    :ivar other_role: in words, where none of these fits
    :ivar share: of an additional buyer, in percent
    """

    party: Party
    role: str = ""
    other_role: str = ""
    share: Decimal | None = None


@dataclass(frozen=True)
class AuthorizedParty:
    """PodmiotUpowazniony; ``role`` "1" enforcement authority, "2" court bailiff, "3" tax representative."""

    party: Party
    role: str


def _is_eu_number(prefix, number):
    # The numbers of Northern Ireland are British ones.
    return gb_vat.is_valid(number) if prefix == "XI" else eu_vat.is_valid(prefix + number)
