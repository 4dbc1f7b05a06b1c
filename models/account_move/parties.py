"""Seller, buyer and other parties of an invoice in the terms of FA(3)."""

import re
from dataclasses import replace

from babel import Locale

from odoo import fields, models
from odoo.tools import html2plaintext

from ...ksef.fa3.facts import Address, Contact, Party, Register, ThirdParty

# Of Babel, since a database may have no Polish.
_POLISH_COUNTRIES = Locale("pl").territories
_MOST_CONTACTS = 3
_RECIPIENT, _UNIT_OF_LOCAL_GOVERNMENT, _MEMBER_OF_VAT_GROUP = "2", "8", "10"
_REGISTERS = {
    "krs": re.compile(r"KRS\W*(\d{10})\b", re.IGNORECASE),
    "regon": re.compile(r"REGON\W*(\d{14}|\d{9})\b", re.IGNORECASE),
    "bdo": re.compile(r"BDO\W*(\d{9})\b", re.IGNORECASE),
}
# What the company's registry number alone is, by its digits
_BARE_NUMBERS = {10: "krs", 9: "regon", 14: "regon"}


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_third_party_ids = fields.One2many(
        "l10n_pl_ksef.third.party",
        "move_id",
        "Other Parties",
        copy=True,
        help="Who else the file for KSeF names beside seller and buyer. Another place of delivery is named by itself.",
    )
    l10n_pl_ksef_for_receipt = fields.Boolean(
        "Invoice to a Receipt",
        copy=False,
        help="Made out for a sale that a till's receipt has told already (art. 109(3d) of the VAT Act). An invoice of "
        "an order of Odoo's Point of Sale is one without being marked.",
    )

    def _l10n_pl_ksef_is_for_receipt(self):
        from_till = "pos_order_ids" in self._fields and self.sudo().pos_order_ids
        return self.l10n_pl_ksef_for_receipt or bool(from_till)

    def _l10n_pl_ksef_seller(self):
        seller = self.company_id.partner_id
        return replace(self._l10n_pl_ksef_party(seller), contacts=self._l10n_pl_ksef_contacts(seller))

    def _l10n_pl_ksef_buyer(self):
        buyer, contact = self.commercial_partner_id, self.partner_id
        return replace(
            self._l10n_pl_ksef_party(buyer),
            contacts=self._l10n_pl_ksef_contacts(contact | buyer),
            correspondence=self._l10n_pl_ksef_correspondence(),
            customer_number=contact.ref or buyer.ref or "",
            is_local_government=buyer.l10n_pl_ksef_local_government,
            is_in_vat_group=buyer.l10n_pl_ksef_vat_group,
        )

    def _l10n_pl_ksef_correspondence(self):
        """Return the ``Address`` of the contact that the invoice is for, None if the buyer has no other one."""
        theirs = self._l10n_pl_ksef_party(self.partner_id)
        own = self._l10n_pl_ksef_party(self.commercial_partner_id)
        if not (theirs.street or theirs.city) or theirs.address == own.address:
            return None
        return Address(theirs.country or own.country, theirs.address.first_line, theirs.address.second_line)

    def _l10n_pl_ksef_party(self, partner):
        street = ", ".join(filter(None, (partner.street, partner.street2)))
        country = partner.country_id or partner.commercial_partner_id.country_id
        gln = "global_location_number" in partner._fields and partner.global_location_number
        return Party(
            name=" ".join((partner.name or "").split()),
            vat=(partner.vat or "").strip(),
            country=country.code or "",
            country_name=_POLISH_COUNTRIES.get(country.code, country.name or ""),
            street=" ".join(street.split()),
            city=" ".join(f"{partner.zip or ''} {partner.city}".split()) if partner.city else "",
            gln=gln or "",
            is_company=partner.is_company,
        )

    def _l10n_pl_ksef_contacts(self, partners):
        found = dict.fromkeys(Contact(partner.email or "", partner.phone or "") for partner in partners)
        return tuple(each for each in found if each != Contact())[:_MOST_CONTACTS]

    def _l10n_pl_ksef_third_parties(self):
        told = tuple(party._fact() for party in self.l10n_pl_ksef_third_party_ids)
        recipient = self._l10n_pl_ksef_recipient()
        return (*told, recipient) if recipient else told

    def _l10n_pl_ksef_recipient(self):
        """Return who gets the goods as a ``ThirdParty``, None if that is the buyer itself, at its own address."""
        there, buyer = self.partner_shipping_id, self.commercial_partner_id
        if not there or there in (buyer | self.partner_id | self.l10n_pl_ksef_third_party_ids.partner_id):
            return None
        party = self._l10n_pl_ksef_party(there)
        if there.commercial_partner_id == buyer:
            # A unit of the buyer has no number of its own: Odoo keeps the buyer's with it.
            party = replace(party, vat="", name=party.name or buyer.name)
            if not (party.street or party.city):
                return None
        role = _RECIPIENT
        if buyer.l10n_pl_ksef_local_government:
            role = _UNIT_OF_LOCAL_GOVERNMENT
        elif buyer.l10n_pl_ksef_vat_group:
            role = _MEMBER_OF_VAT_GROUP
        return ThirdParty(party, role)

    def _l10n_pl_ksef_registers(self):
        """Return the numbers of the company in public registers, as far as it has entered them for its papers."""
        company = self.company_id
        registry = company.company_registry or ""
        texts = [registry, *(html2plaintext(page or "") for page in (company.report_footer, company.company_details))]
        found = {
            name: match.group(1)
            for name, pattern in _REGISTERS.items()
            if (match := next(filter(None, map(pattern.search, texts)), None))
        }
        bare = re.sub(r"[\s-]", "", registry)
        if bare.isdigit() and len(bare) in _BARE_NUMBERS:
            found.setdefault(_BARE_NUMBERS[len(bare)], bare)
        return (Register(name=company.name, **found),) if found else ()
