"""The writer and the read-back against each other, on facts that nobody has thought of."""

from dataclasses import replace
from datetime import date, datetime, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from odoo.tests import BaseCase
from odoo.tools import file_open

from ..ksef.fa3 import checks, fitting, readback, rules, writer
from ..ksef.fa3 import facts as f
from .fa3_examples import BUYER, EXAMPLES, EXEMPT, SELLER, VAT8, VAT23, day

NOW = datetime(2026, 2, 1, tzinfo=timezone.utc)
texts = st.text(max_size=700)
words = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=30)
names = st.lists(words, min_size=1, max_size=120).map(" ".join)
amounts = st.decimals(-10_000, 10_000, places=2)
days = st.none() | st.dates(date(2020, 1, 1), date(2030, 12, 31))
addresses = st.builds(f.Address, st.sampled_from(("PL", "DE")), names, texts, texts)
contacts = st.lists(st.builds(f.Contact, texts, texts), max_size=3).map(tuple)


def parties(party, **facts):
    return st.builds(
        replace,
        st.just(party),
        correspondence=st.none() | addresses,
        contacts=contacts,
        eori=texts,
        **facts,
    )


def booked(quantity, price, tax, **facts):
    net = round(quantity * price, 2)
    return f.Line(0, quantity=quantity, price=price, net=net, taxes=(tax,), **facts)


lines = st.builds(
    booked,
    st.decimals(1, 100, places=3),
    amounts,
    st.sampled_from((VAT23, VAT8, EXEMPT)),
    name=names,
    unit=texts,
    index=texts,
    gtin=texts,
    cn=texts,
    supply_date=days,
    is_annex_15=st.booleans(),
)
account_numbers = texts | st.text("0123456789", min_size=10, max_size=34)
accounts = st.lists(st.builds(f.BankAccount, account_numbers, texts, st.just(""), texts, texts), max_size=2).map(tuple)
payment_terms = st.builds(
    f.PaymentTerms,
    st.lists(st.builds(f.Instalment, st.dates(date(2026, 1, 1), date(2030, 1, 1))), max_size=3).map(tuple),
    st.sampled_from(("", "1", "6")),
    texts,
    accounts,
    link=texts,
    ksef_payment_id=texts,
)
remarks = st.lists(st.builds(f.Remark, names, names, st.none() | st.integers(1, 9)), max_size=4).map(tuple)


@st.composite
def invoices(draw):
    rows = tuple(replace(each, number=number) for number, each in enumerate(draw(st.lists(lines, min_size=1)), 1))
    taxes = dict.fromkeys(row.tax for row in rows)
    nets = {tax: sum(row.net for row in rows if row.tax == tax) for tax in taxes}
    vat = tuple(f.Vat(tax, amount, amount) for tax in taxes for amount in [round(nets[tax] * tax.percent / 100, 2)])
    return f.InvoiceFacts(
        number=draw(words),
        issue_date=day("02-15"),
        today=day("02-15"),
        currency="PLN",
        books_currency="PLN",
        exchange_rate=None,
        total=sum(nets.values()) + sum(each.amount for each in vat),
        lines=rows,
        vat=vat,
        seller=draw(parties(SELLER)),
        buyer=draw(parties(BUYER, customer_number=texts, buyer_key=texts, is_in_vat_group=st.booleans())),
        supply_date=draw(days),
        place_of_issue=draw(texts),
        delivery_notes=draw(st.lists(texts, max_size=2).map(tuple)),
        remarks=draw(remarks),
        payment_terms=draw(payment_terms),
        terms=f.TransactionTerms(delivery=draw(texts)),
        texts=draw(texts),
    )


class TestFa3Readback(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with file_open("l10n_pl_edi/data/fa3_schema.xsd", "rb") as file:
            cls.schema = file.read()

    @settings(deadline=None, max_examples=60)
    @given(invoices())
    def test_facts_without_problems_give_a_right_file(self, facts):
        if rules.find_problems(facts):
            return
        facts, _told = fitting.fit(facts)
        xml = writer.write(facts, NOW)
        self.assertEqual(checks.byte_problems(xml), [])
        self.assertEqual([each.values for each in checks.schema_problems(xml, self.schema)], [])
        self.assertEqual([each.values for each in readback.contradictions(xml, facts)], [])

    def test_optional_data_that_no_field_takes_keeps_nothing_back(self):
        account = f.BankAccount("73111111111111111111111111", description="x" * 300)
        for what, terms, told in (
            ("long description of an account", f.PaymentTerms(accounts=(account,)), ["Shortened"]),
            ("link without the payment's number", f.PaymentTerms(link="https://example.pl/pay"), ["LeftOut"]),
            ("no link", f.PaymentTerms(link="x" * 600), ["LeftOut"]),
            ("no number of a payment", f.PaymentTerms(ksef_payment_id="12"), ["LeftOut"]),
        ):
            with self.subTest(what):
                facts, found = fitting.fit(replace(EXAMPLES[1], payment_terms=terms))
                xml = writer.write(facts, NOW)
                self.assertEqual([type(each).__name__ for each in found], told)
                self.assertEqual([each.values for each in checks.schema_problems(xml, self.schema)], [])
                self.assertEqual([each.values for each in readback.contradictions(xml, facts)], [])

    def test_each_changed_leaf_is_noticed(self):
        for number, facts in EXAMPLES.items():
            root = etree.fromstring(writer.write(facts, NOW))
            self.assertEqual(readback.contradictions(etree.tostring(root), facts), [], number)
            for leaf in root.xpath("*[local-name() != 'Naglowek']//*[not(*)]"):
                text = leaf.text or ""
                parent, place = leaf.getparent(), leaf.getparent().index(leaf)
                with self.subTest(number, leaf=root.getroottree().getelementpath(leaf)):
                    leaf.text = text + "7"
                    self.assertTrue(readback.contradictions(etree.tostring(root), facts))
                    leaf.text = text
                    if text:
                        parent.remove(leaf)
                        self.assertTrue(readback.contradictions(etree.tostring(root), facts))
                        parent.insert(place, leaf)
                    following = leaf.getnext()
                    if following is not None and not len(following) and text and following.text != text:
                        leaf.text, following.text = following.text, text
                        self.assertTrue(readback.contradictions(etree.tostring(root), facts))
                        leaf.text, following.text = text, leaf.text
