"""What keeps an invoice from being sealed, one type for each thing that a person can correct, and the rules themselves.

Problems are collected, not raised: an accountant is told all of them at once. ``about`` says what to open:
"company", "partner", "invoice", "currency", "tax", "original" or "advance"; where there may be several of a kind,
the value ``record_id`` says which.
"""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

from stdnum.pl import nip, pesel

from ..errors import KsefError
from ..sentences import _
from .facts import CENT, EXEMPT, NAME_LIMIT, SUMS, TAXED, InvoiceFacts

_LOCAL_GOVERNMENT = re.compile(
    r"\b(gmin[ay]|miast[oa]|m\.\s?st\.|powiat|województwo|starostwo|urząd (gminy|miasta|miejski|marszałkowski))\b",
    re.IGNORECASE,
)
_SPLIT_PAYMENT_ABOVE = 15_000  # PLN with VAT (art. 108a ust. 1a of the VAT act)

# pylint: disable=prefer-env-translation  # there is no env here


# -- seller and buyer


class NipMissing(KsefError):
    """A company without a valid NIP; values: name."""

    sentence = _("%(name)s has no valid NIP. Enter the ten digits of its NIP as the tax ID of the company.")
    about = "company"


class SellerAddressMissing(KsefError):
    """values: name."""

    sentence = _("The address of %(name)s is not complete: KSeF asks for country, and street or city, of the seller.")
    about = "company"


class SellerAbroad(KsefError):
    """A seat outside Poland; values: name."""

    sentence = _(
        "%(name)s has its seat outside Poland, and whether FA(3) has to name its tax representative (element "
        "PodmiotUpowazniony) is not handled here. A seller without a fixed establishment in Poland need not use KSeF; "
        "any other issues the invoice in KSeF's taxpayer application, or has the address of its Polish establishment "
        "entered as that of the company."
    )
    about = "company"


class BooksNotInZloty(KsefError):
    """values: currency, of the company."""

    sentence = _("The books are kept in %(currency)s, but an invoice in KSeF tells its VAT in PLN.")
    about = "company"


class NameTooLong(KsefError):
    """values: name, limit."""

    sentence = _("The name of %(name)s has more than %(limit)s characters. KSeF takes no longer ones: shorten it.")
    about = "partner"


class BuyerCountryMissing(KsefError):
    """values: name."""

    sentence = _("%(name)s has no country. Enter it in the buyer's address.")
    about = "partner"


class BuyerAddressMissing(KsefError):
    """values: name."""

    sentence = _("%(name)s is a company without an address. Enter its street or city.")
    about = "partner"


class BuyerNipMissing(KsefError):
    """values: name."""

    sentence = _(
        "%(name)s is a Polish company without a NIP, so KSeF would not deliver the invoice to it. Enter its NIP as "
        "tax ID, or / if it really has none."
    )
    about = "partner"


class BuyerNipInvalid(KsefError):
    """values: name, vat."""

    sentence = _("%(vat)s, the tax ID of %(name)s, is not a valid NIP: a digit is wrong or missing.")
    about = "partner"


class BuyerIsPerson(KsefError):
    """A PESEL where a tax ID belongs; values: name."""

    sentence = _(
        "The tax ID of %(name)s is a PESEL, the number of a person, which does not belong on an invoice in KSeF. Clear "
        "the tax ID of a consumer; enter the NIP of a person who runs a business."
    )
    about = "partner"


class BuyerVatMissing(KsefError):
    """A rate that only a business with an EU VAT number may get; values: name, rate."""

    sentence = _(
        "The rate %(rate)s is for buyers with a valid VAT number of another EU country, and %(name)s has none. Enter "
        "that number with its country prefix as tax ID, or use another tax."
    )
    about = "partner"


class BuyerNipNeeded(KsefError):
    """Domestic reverse charge to somebody without NIP; values: name."""

    sentence = _("Domestic reverse charge is for buyers with a Polish NIP, and %(name)s has none. Enter its NIP.")
    about = "partner"


# -- the invoice as a whole


class DateInFuture(KsefError):
    """values: date."""

    sentence = _(
        "The invoice is dated %(date)s, which is in the future. KSeF refuses such invoices: issue it on that day, or "
        "reset it to draft and change its date."
    )
    about = "invoice"


class LinesMissing(KsefError):
    """Nothing but notes and sections."""

    sentence = _("The invoice has no lines. Reset it to draft and add what was sold.")
    about = "invoice"


class ExchangeRateMissing(KsefError):
    """values: currency."""

    sentence = _("There is no exchange rate of %(currency)s, so the VAT in PLN is not known. Enter the rate.")
    about = "currency"


class CurrencyTooFine(KsefError):
    """A currency with more than two decimals; values: currency."""

    sentence = _(
        "Amounts in %(currency)s have more than two decimals, and KSeF takes two. Issue the invoice in another one."
    )
    about = "currency"


class TotalsDiffer(KsefError):
    """values: parts, total."""

    sentence = _(
        "Net amounts and VAT add up to %(parts)s, but the total of the invoice is %(total)s. Reset it to "
        "draft and check its lines."
    )
    about = "invoice"


# -- lines and taxes


class LineNameMissing(KsefError):
    """values: line, its number."""

    sentence = _("Line %(line)s has no description. Reset the invoice to draft and name what was sold.")
    about = "invoice"


class LineTaxMissing(KsefError):
    """values: line."""

    sentence = _(
        "Line %(line)s has no tax. Reset the invoice to draft and choose one: 0%%, exempt and outside Poland are "
        "taxes, too. A deposit for packaging needs none if its description says so (kaucja)."
    )
    about = "invoice"


class LineTaxesSeveral(KsefError):
    """values: line, taxes."""

    sentence = _("Line %(line)s has several taxes (%(taxes)s). In KSeF each line has one VAT rate: split the line.")
    about = "invoice"


class TaxUnknown(KsefError):
    """values: tax, record_id."""

    sentence = _(
        "KSeF has no rate for the tax %(tax)s. Use a rate of 23, 8 or 5 per cent or, for 0 per cent, give the tax the "
        "grid (K_10 to K_31) that tells why it is 0."
    )
    about = "tax"


class TaxForeign(KsefError):
    """values: tax, record_id."""

    sentence = _(
        "The tax %(tax)s belongs to another country. An invoice in KSeF is issued under Polish rules: use a Polish one."
    )
    about = "tax"


class ExemptionReasonMissing(KsefError):
    """values: tax, record_id."""

    sentence = _(
        "The tax %(tax)s is an exemption without its legal basis. Write it, such as 'art. 43 ust. 1 pkt 29 ustawy o "
        "VAT', into the Legal Notes of the tax or of the fiscal position."
    )
    about = "tax"


class VatNotOfRate(KsefError):
    """values: tax, net, vat, record_id."""

    sentence = _(
        "VAT of %(vat)s is not what the tax %(tax)s gives on %(net)s. Undo the change of the tax amount, or round the "
        "total by a separate line instead of in the VAT."
    )
    about = "tax"


# -- what the invoice refers to


class OriginalUnknown(KsefError):
    """A credit note of no invoice."""

    sentence = _(
        "This credit note does not say which invoice it corrects. Make it from the invoice, with 'Credit Note'."
    )
    about = "invoice"


class OriginalNotSent(KsefError):
    """values: number."""

    sentence = _(
        "It corrects %(number)s, which has no KSeF number: send that invoice to KSeF first. If it was issued outside "
        "KSeF, say so in its tab KSeF."
    )
    about = "original"


class OriginalWaiting(KsefError):
    """values: number."""

    sentence = _(
        "It corrects %(number)s, which was issued offline and has no KSeF number yet. Wait until that invoice is in "
        "KSeF: the correction must carry its number."
    )
    about = "original"


class OriginalInProgress(KsefError):
    """values: number."""

    sentence = _("It corrects %(number)s, which KSeF is still working on. Press Check Sending on that invoice first.")
    about = "original"


class OriginalRejected(KsefError):
    """values: number."""

    sentence = _(
        "It corrects %(number)s, which KSeF rejected: an invoice that was not issued cannot be corrected. Fix that "
        "invoice and send it again."
    )
    about = "original"


class BuyerReplaced(KsefError):
    """A correction to a buyer with another tax ID; values: before, now, their names."""

    sentence = _(
        "It corrects an invoice to %(before)s, but is made out to %(now)s, who has another tax ID. A correction cannot "
        "give an invoice to somebody else: bring the first one to zero by a credit note to %(before)s, and issue a new "
        "invoice to %(now)s."
    )
    about = "invoice"


class AdvanceWithoutNumber(KsefError):
    """values: number, record_id."""

    sentence = _(
        "It settles the advance invoice %(number)s, which has no KSeF number yet. Wait until that invoice is in KSeF. "
        "If it was issued outside KSeF, say so in its tab KSeF."
    )
    about = "advance"


# -- the file


class FileNotUtf8(KsefError):
    """Another encoding, or a byte-order mark."""

    sentence = _("The XML of the invoice is not plain UTF-8.")
    about = "invoice"


class FileTooLong(KsefError):
    """values: size, limit, in bytes."""

    sentence = _("The XML of the invoice has %(size)s bytes; KSeF takes %(limit)s bytes. Split the invoice in two.")
    about = "invoice"


class ProcessingInstruction(KsefError):
    """A processing instruction or a document type."""

    sentence = _("The XML of the invoice holds a processing instruction or document type, which KSeF refuses.")
    about = "invoice"


class CharacterDiscouraged(KsefError):
    """values: codes."""

    sentence = _("The invoice holds characters that KSeF refuses (%(codes)s). Remove them from its texts.")
    about = "invoice"


class SchemaViolated(KsefError):
    """values: field, problem."""

    sentence = _("KSeF would refuse the field %(field)s: %(problem)s")
    about = "invoice"


class FileContradictsBooks(KsefError):
    """The file tells something else than the invoice; values: field, file, books."""

    sentence = _("The field %(field)s of the XML would say %(file)s, but the invoice says %(books)s.")
    about = "invoice"


# -- optional data that cannot go in the file as it is: told, but no obstacle


class LeftOut(KsefError):
    """values: text."""

    sentence = _("“%(text)s” is left out of the file, since KSeF does not take it in this form.")
    about = "invoice"


class Shortened(KsefError):
    """values: text, its beginning; limit."""

    sentence = _("“%(text)s” is shortened in the file: KSeF takes %(limit)s characters there.")
    about = "invoice"


# -- what is asked, and keeps nothing from being sealed


class MaybeLocalGovernment(KsefError):
    """values: name."""

    sentence = _(
        "The name of %(name)s reads like that of a unit of local government. If it is one, mark it so on the buyer, "
        "and enter as the delivery address who gets the goods: the file has to tell both."
    )
    about = "partner"


class MaybeSplitPayment(KsefError):
    """values: limit."""

    sentence = _(
        "The invoice is for more than %(limit)s PLN. If it is for goods or services of annex 15 to the VAT Act, it "
        "must say 'mechanizm podzielonej płatności': write that into its terms and conditions."
    )
    about = "invoice"


class OrderUnknown(KsefError):
    """An advance invoice that was not made from a sales order."""

    sentence = _(
        "An advance invoice has to tell what was ordered (art. 106f of the VAT Act), and Odoo knows no order for this "
        "one: its own row is told. Make it from the sales order, in the currency of that, or describe the order in the "
        "row."
    )
    about = "invoice"


class RateOfOriginal(KsefError):
    """values: right, booked, PLN for one unit of the currency."""

    sentence = _(
        "The file converts the VAT at %(right)s, the rate of the invoice that is corrected (art. 31b of the VAT Act), "
        "but the books do at %(booked)s. Before it is issued, reset it to draft and enter the first rate, so that the "
        "VAT records agree."
    )
    about = "invoice"


# -- the rules


def find_questions(facts: InvoiceFacts) -> list[KsefError]:
    """Return what a person should look at before an invoice with these facts is sealed, a list of ``KsefError``."""
    buyer, found = facts.buyer, []
    if buyer.nip and not buyer.is_local_government and _LOCAL_GOVERNMENT.search(buyer.name):
        found.append(MaybeLocalGovernment(name=buyer.name))
    total = facts.total * (facts.exchange_rate or 1)
    taxed = any(tax.rate in SUMS and SUMS[tax.rate] in TAXED for tax in facts.taxes)
    if buyer.nip and taxed and total > _SPLIT_PAYMENT_ABOVE and not facts.is_split_payment:
        found.append(MaybeSplitPayment(limit="15 000"))
    if facts.kind == "ZAL" and not facts.order:
        found.append(OrderUnknown())
    if facts.booked_rate:
        found.append(RateOfOriginal(right=facts.exchange_rate, booked=facts.booked_rate))
    return found


def find_problems(facts: InvoiceFacts) -> list[KsefError]:
    """Return all that keeps an invoice with these ``InvoiceFacts`` from being sealed, a list of ``KsefError``."""
    return [
        problem
        for check in (_seller, _buyer, _heading, _lines, _taxes, _totals, _references)
        for problem in check(facts)
    ]


def _seller(facts: InvoiceFacts) -> Iterator[KsefError]:
    seller = facts.seller
    if not nip.is_valid(seller.nip):
        yield NipMissing(name=seller.name)
    if not seller.country or not (seller.street or seller.city):
        yield SellerAddressMissing(name=seller.name)
    elif seller.country != "PL":
        yield SellerAbroad(name=seller.name)
    if len(seller.name) > NAME_LIMIT:
        yield NameTooLong("company", name=seller.name[:40] + "…", limit=NAME_LIMIT)
    if facts.books_currency != "PLN":
        yield BooksNotInZloty(currency=facts.books_currency)


def _buyer(facts: InvoiceFacts) -> Iterator[KsefError]:
    """Art. 106e ust. 1 pkt 3, 5 and 24 of the VAT act: name, address, and the number under which he bought."""
    buyer = facts.buyer
    if len(buyer.name) > NAME_LIMIT:
        yield NameTooLong(name=buyer.name[:40] + "…", limit=NAME_LIMIT)
    if not buyer.country:
        yield BuyerCountryMissing(name=buyer.name)
    if buyer.is_company and not (buyer.street or buyer.city):
        yield BuyerAddressMissing(name=buyer.name)
    if pesel.is_valid(buyer.nip):
        yield BuyerIsPerson(name=buyer.name)
    elif buyer.nip and not nip.is_valid(buyer.nip):
        yield BuyerNipInvalid(name=buyer.name, vat=buyer.vat)
    if buyer.is_company and buyer.country == "PL" and not (buyer.vat or buyer.declared_without_number):
        yield BuyerNipMissing(name=buyer.name)
    for rate in sorted(facts.intra_eu_rates):
        if not buyer.eu_number or buyer.nip:
            yield BuyerVatMissing(name=buyer.name, rate=rate)
    if "oo" in facts.rates and not buyer.nip:
        yield BuyerNipNeeded(name=buyer.name)


def _heading(facts: InvoiceFacts) -> Iterator[KsefError]:
    if facts.issue_date > facts.today:
        yield DateInFuture(date=facts.issue_date)
    if facts.smallest_amount < CENT:
        yield CurrencyTooFine(currency=facts.currency)
    if facts.is_foreign and not facts.exchange_rate and any(part.amount for part in facts.vat):
        yield ExchangeRateMissing(currency=facts.currency)


def _lines(facts: InvoiceFacts) -> Iterator[KsefError]:
    if not (facts.lines or facts.order):
        yield LinesMissing()
    for line in facts.lines:
        if not _is_visible(line.name):
            yield LineNameMissing(line=line.number)
        if not line.taxes:
            yield LineTaxMissing(line=line.number)
        elif len(line.taxes) > 1:
            yield LineTaxesSeveral(line=line.number, taxes=", ".join(tax.name for tax in line.taxes))


def _is_visible(text):
    return any(unicodedata.category(each)[0] not in "CZ" for each in text)


def _taxes(facts: InvoiceFacts) -> Iterator[KsefError]:
    for tax in facts.taxes:
        if tax.country != "PL":
            yield TaxForeign(tax=tax.name, record_id=tax.id)
        elif not tax.rate:
            yield TaxUnknown(tax=tax.name, record_id=tax.id)
        elif tax.rate == EXEMPT and not tax.legal_basis:
            yield ExemptionReasonMissing(tax=tax.name, record_id=tax.id)


def _totals(facts: InvoiceFacts) -> Iterator[KsefError]:
    # with advances, the sums do not follow from the rows
    nets = [line.counted_net for line in facts.lines] if facts.told_sums is None else [each.net for each in facts.sums]
    parts = sum(nets) + sum(part.amount for part in facts.vat)
    if parts != facts.total:
        yield TotalsDiffer(parts=parts, total=facts.total)
    if facts.told_sums is not None:
        return
    for tax in facts.taxes:
        taxed = [line.counted_net for line in facts.lines if line.taxes == (tax,)]
        if tax.percent is None or not taxed:
            continue
        net, vat = sum(taxed), sum((part.amount for part in facts.vat if part.tax == tax), Decimal())
        # each line may have been rounded on its own
        if abs(vat - net * tax.percent / 100) > facts.smallest_amount * max(len(taxed), 2) / 2:
            yield VatNotOfRate(tax=tax.name, net=net, vat=vat, record_id=tax.id)


_NAMEABLE = ("accepted", "outside")
_WAIT_FOR_ORIGINAL = {
    "none": OriginalNotSent,
    "sealed": OriginalWaiting,
    "sent": OriginalInProgress,
    "rejected": OriginalRejected,
}


def _references(facts: InvoiceFacts) -> Iterator[KsefError]:
    """A correction names its original by the number in KSeF (art. 106j ust. 2), so does a settlement its advances.

    One that was issued outside KSeF has none: the file says so.
    """
    if facts.is_correction and not facts.originals:
        yield OriginalUnknown()
    for original in facts.originals:
        if original.state not in _NAMEABLE:
            yield _WAIT_FOR_ORIGINAL[original.state](number=original.number)
    for before in facts.correction.buyers_before if facts.correction else ():
        if before.identity != facts.buyer.identity:
            yield BuyerReplaced(before=before.name, now=facts.buyer.name)
    for advance in facts.advances:
        if advance.state not in _NAMEABLE:
            yield AdvanceWithoutNumber(number=advance.number, record_id=advance.id)
