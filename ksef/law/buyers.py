"""Who the buyer is to the rules on what may be given before the KSeF number: the VAT Act, art. 106gb(4)."""

from dataclasses import dataclass

from ..sentences import Sentence, _

# pylint: disable=prefer-env-translation  # there is no env here


class BuyerClass:
    """Who the buyer is to art. 106gb(4); all but a domestic buyer get the invoice in a manner agreed with them."""

    DOMESTIC = "domestic"
    SUPPLY_ABROAD = "supply_abroad"
    NOT_ESTABLISHED = "not_established"
    ESTABLISHMENT_NOT_INVOLVED = "establishment_not_involved"
    SME_SCHEME = "sme_scheme"
    NO_TAX_ID = "no_tax_id"
    CONSUMER = "consumer"

    AGREED_MANNER = (SUPPLY_ABROAD, NOT_ESTABLISHED, ESTABLISHMENT_NOT_INVOLVED, SME_SCHEME, NO_TAX_ID, CONSUMER)


@dataclass(frozen=True)
class BuyerFacts:
    """What is known of a buyer; None: not known.

    :ivar place_of_supply_in_poland: of what is invoiced; goods sent abroad from Poland are supplied in Poland
    :ivar has_polish_nip: the buyer's NIP is on the invoice
    :ivar is_consumer: a natural person not in business
    :ivar seat_in_poland: seat of the buyer's business
    :ivar has_fixed_establishment: a fixed establishment in Poland
    :ivar fixed_establishment_takes_part: it takes part in this purchase
    :ivar sme_scheme: the buyer uses the EU's SME scheme, art. 113a(1)
    :ivar has_tax_id: the buyer has any tax identifier, Polish or foreign
    """

    place_of_supply_in_poland: bool
    has_polish_nip: bool
    is_consumer: bool
    has_tax_id: bool
    sme_scheme: bool = False
    seat_in_poland: bool | None = None
    has_fixed_establishment: bool | None = None
    fixed_establishment_takes_part: bool | None = None


def classify_buyer(facts: BuyerFacts) -> tuple[str, Sentence]:
    """Return the class of a buyer (one of ``BuyerClass``) and the reason (``Sentence``).

    Source: art. 106gb(4). Where facts are missing the buyer counts as domestic, the strict side: a domestic buyer
    gets less before the KSeF number. The one presumption the other way: a foreign business without a Polish NIP has
    no fixed establishment in Poland, since one that buys here would be registered here.

    :param facts: of the buyer and the supply
    """
    buyer_class, text = next((buyer_class, text) for holds, buyer_class, text in _buyer_rules(facts) if holds)
    return buyer_class, Sentence(text)


def _buyer_rules(facts):
    """Yield (whether it holds, class, why), the first that holds counts."""
    foreign = facts.seat_in_poland is False
    yield facts.is_consumer, BuyerClass.CONSUMER, _("The buyer is a natural person not in business.")
    yield not facts.place_of_supply_in_poland, BuyerClass.SUPPLY_ABROAD, _("The place of supply is outside Poland.")
    yield facts.sme_scheme, BuyerClass.SME_SCHEME, _("The buyer uses the EU's SME scheme.")
    yield (
        not (facts.has_tax_id or facts.has_polish_nip),
        BuyerClass.NO_TAX_ID,
        _("The buyer has no tax identifier."),
    )
    yield (
        foreign and facts.has_fixed_establishment is False,
        BuyerClass.NOT_ESTABLISHED,
        _("The buyer has neither a seat nor a fixed establishment in Poland."),
    )
    yield (
        foreign and facts.fixed_establishment_takes_part is False,
        BuyerClass.ESTABLISHMENT_NOT_INVOLVED,
        _("The buyer's seat is abroad and no fixed establishment in Poland takes part in the purchase."),
    )
    yield (
        foreign
        and not facts.has_polish_nip
        and facts.has_fixed_establishment is None
        and facts.fixed_establishment_takes_part is None,
        BuyerClass.NOT_ESTABLISHED,
        _("The buyer's seat is abroad; without a Polish NIP it is presumed to have no fixed establishment in Poland."),
    )
    yield (
        foreign and facts.fixed_establishment_takes_part,
        BuyerClass.DOMESTIC,
        _("The buyer's fixed establishment in Poland takes part in the purchase."),
    )
    yield (
        foreign,
        BuyerClass.DOMESTIC,
        _(
            "The buyer's seat is abroad, but it is not known whether a fixed establishment in Poland takes part in "
            "the purchase: treated as domestic."
        ),
    )
    yield (
        not facts.has_polish_nip,
        BuyerClass.DOMESTIC,
        _("The buyer's Polish NIP is missing and nothing shows that the buyer is foreign: treated as domestic."),
    )
    yield (
        facts.seat_in_poland is None,
        BuyerClass.DOMESTIC,
        _("The buyer has a Polish NIP and it is not known where its seat is: treated as domestic."),
    )
    yield True, BuyerClass.DOMESTIC, _("The buyer is a business in Poland with a Polish NIP.")
