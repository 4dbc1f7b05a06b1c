"""Advance and final invoices made from a sales order, as Odoo makes them; run with sales orders by ``./dev sales``."""

from odoo import Command
from odoo.tests import freeze_time

from .common import NOW
from .test_invoices import TODAY, WholeInvoice, ksef_number

ORDERED = [f"{{*}}{name}" for name in ("P_7Z", "P_8BZ", "P_9AZ", "P_11NettoZ", "P_11VatZ", "P_12Z")]


@freeze_time(NOW)
class TestAdvances(WholeInvoice):
    def setUp(self):
        super().setUp()
        if "sale.order" not in self.env:
            self.skipTest("there are no sales orders")
        self.env.user.group_ids += self.env.ref("sales_team.group_sale_salesman")
        self.goods, self.work = self.env["product.product"].create(
            [{"name": name, "type": "service", "invoice_policy": "order"} for name in ("Mieszkanie", "Usługi")]
        )

    def order(self, **values):
        rows = ((self.goods, 10, 100, "kraj_23"), (self.work, 1, 500, "kraj_8"))
        order = self.env["sale.order"].create(
            {
                "partner_id": self.firm.id,
                "company_id": self.company.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "name": product.name,
                            "product_uom_qty": quantity,
                            "price_unit": price,
                            "tax_ids": [Command.set(self.chart_tax(tax).ids)],
                        }
                    )
                    for product, quantity, price, tax in rows
                ],
            }
            | values
        )
        order.action_confirm()
        return order

    def made(self, order, **choice):
        before = order.invoice_ids
        wizard = self.env["sale.advance.payment.inv"].with_context(active_model="sale.order", active_ids=order.ids)
        wizard.create({"sale_order_ids": [Command.set(order.ids)]} | choice).create_invoices()
        move = order.invoice_ids - before
        move.invoice_date = TODAY
        move.action_post()
        return move

    def test_from_the_order_to_the_last_correction(self):
        order = self.order()
        advance = self.made(order, advance_payment_method="percentage", amount=30)
        self.env["account.payment.register"].with_context(active_model="account.move", active_ids=advance.ids).create(
            {"payment_date": "2026-11-21"}
        )._create_payments()
        root = self.check(
            advance,
            {
                "Fa/RodzajFaktury": "ZAL",
                "Fa/P_6": "2026-11-21",
                "Fa/P_13_1": "300.00",
                "Fa/P_14_1": "69.00",
                "Fa/P_13_2": "150.00",
                "Fa/P_15": "531.00",
                "Fa/FaWiersz": [],
                "Fa/Zamowienie/WartoscZamowienia": "1770.00",
            },
        )
        self.assertEqual(
            [tuple(map(row.findtext, ORDERED)) for row in root.iter("{*}ZamowienieWiersz")],
            [
                ("Mieszkanie", "10", "100.00", "1000.00", "230.00", "23"),
                ("Usługi", "1", "500.00", "500.00", "40.00", "8"),
            ],
        )
        paid_back = self.made(self.order(), advance_payment_method="percentage", amount=30)
        self.accept(paid_back)
        refund = paid_back._reverse_moves([{"invoice_date": TODAY, "ref": "Rezygnacja"}])
        refund.action_post()
        self.check(
            refund,
            {
                "Fa/RodzajFaktury": "KOR_ZAL",
                "Fa/P_15": "-531.00",
                "Fa/P_15ZK": "531.00",
                "Fa/Zamowienie/WartoscZamowienia": "1770.00",
            },
        )

    def test_final_invoice(self):
        order = self.order()
        advance = self.made(order, advance_payment_method="percentage", amount=30)
        self.accept(advance)
        final = self.made(order, advance_payment_method="delivered")
        self.check(
            final,
            {
                "Fa/RodzajFaktury": "ROZ",
                "Fa/FaWiersz/P_7": ["Mieszkanie", "Usługi"],
                "Fa/FaWiersz/P_11": ["1000.00", "500.00"],
                "Fa/P_13_1": "700.00",
                "Fa/P_13_2": "350.00",
                "Fa/P_15": "1239.00",
                "Fa/FakturaZaliczkowa/NrKSeFFaZaliczkowej": ksef_number(advance),
            },
        )
        self.accept(final)
        note = final._reverse_moves([{"invoice_date": TODAY, "ref": "Zwrot"}])
        note.action_post()
        self.check(
            note,
            {
                "Fa/RodzajFaktury": "KOR_ROZ",
                "Fa/P_15": "-1239.00",
                "Fa/P_15ZK": "1239.00",
                "Fa/FaWiersz/P_8B": ["-10", "-1"],
            },
        )

    def test_an_advance_typed_by_hand_is_asked_about(self):
        advance = self.invoice(self.line(price=30.0, name="Zaliczka"))
        with self.kind("ZAL"):
            said = [text for text, _action in advance._l10n_pl_ksef_notices()]
        self.assertTrue([text for text in said if "what was ordered" in text], said)
