"""What is known of a buyer beside its address and tax number, to tell what it may be given before the KSeF number."""

from odoo import api, fields, models

from ..ksef.law.buyers import BuyerClass

BUYER_CLASSES = [
    (BuyerClass.DOMESTIC, "Domestic"),
    (BuyerClass.SUPPLY_ABROAD, "Place of supply outside Poland"),
    (BuyerClass.NOT_ESTABLISHED, "No seat and no fixed establishment in Poland"),
    (BuyerClass.ESTABLISHMENT_NOT_INVOLVED, "Seat abroad, Polish establishment takes no part"),
    (BuyerClass.SME_SCHEME, "EU taxpayer under the SME scheme"),
    (BuyerClass.NO_TAX_ID, "No tax identifier"),
    (BuyerClass.CONSUMER, "Natural person not in business"),
]
BUYER_CLASS_HELP = (
    "Whether the buyer may get the invoice outside KSeF before it has a KSeF number (art. 106gb(4) of the VAT Act). "
    "Empty: worked out from the buyer's data."
)
# One field, since a check box could not tell "none" from "not known", which the law treats otherwise.
ESTABLISHMENTS = [
    ("none", "None"),
    ("not_involved", "Takes no part in the purchases"),
    ("involved", "Takes part in the purchases"),
]
# What the file for KSeF tells of a buyer
FILE_FIELDS = ("l10n_pl_ksef_local_government", "l10n_pl_ksef_vat_group", "l10n_pl_ksef_related")
BUYER_FIELDS = ("l10n_pl_ksef_buyer_class", "l10n_pl_ksef_establishment", "l10n_pl_ksef_sme_scheme")


class ResPartner(models.Model):
    _inherit = "res.partner"

    l10n_pl_ksef_buyer_class = fields.Selection(BUYER_CLASSES, "KSeF: Kind of Buyer", help=BUYER_CLASS_HELP)
    l10n_pl_ksef_establishment = fields.Selection(
        ESTABLISHMENTS,
        "Fixed Establishment in Poland",
        help="Of a buyer with its seat abroad. A buyer that has none in Poland, or one that takes no part in the "
        "purchases, may get the invoice before it has a KSeF number (art. 106gb(4) of the VAT Act). Empty: not known.",
    )
    l10n_pl_ksef_sme_scheme = fields.Boolean(
        "EU SME Scheme",
        help="The buyer uses the EU's special scheme for small enterprises (art. 113a(1) of the VAT Act).",
    )

    l10n_pl_ksef_local_government = fields.Boolean(
        "Unit of Local Government",
        help="The buyer is a commune, a county, a voivodeship or a unit of one (JST). Where its school or office gets "
        "the goods, enter that as the delivery address: the file names it as the recipient.",
    )
    l10n_pl_ksef_vat_group = fields.Boolean(
        "Member of a VAT Group", help="The buyer is a member of a VAT group (GV): the file names who gets the goods."
    )
    l10n_pl_ksef_related = fields.Boolean(
        "Related Party", help="There are ties between the buyer and the company (art. 32(2)(1) of the VAT Act, TP)."
    )

    @api.model
    def _commercial_fields(self):
        return [*super()._commercial_fields(), *BUYER_FIELDS, *FILE_FIELDS]
