"""What both codes cost on paper: against Odoo's own invoice, printed while this addon's part of the view is off."""

import threading
from contextlib import contextmanager

from werkzeug.serving import make_server

from odoo import http

from .measure import Side, compare, take_turns

REPORT = "account.account_invoices"
HTML_GROUP = 10
PDF_GROUP = 2
PDF_SIZE = 20
BARCODE = {"width": 300, "height": 300, "barLevel": "M"}


def run(books, sizes):
    for size in sizes:
        yield from _html(books, size, beside_barcodes=size == min(sizes))
    with _styles_served(books.env):
        yield from _pdf(books, PDF_SIZE)


def _html(books, size, beside_barcodes):
    plain, sealed = books.posted(size), books.sealed(size)
    warm = books.posted(1)
    links = dict(zip(plain, sealed.l10n_pl_ksef_document_id, strict=True))

    def with_barcodes(move):
        _render_html(move)
        for link in (links[move].kod_i, links[move].kod_ii):
            move.env["ir.actions.report"].barcode("QR", link, **BARCODE)

    def switch(on):
        return lambda: _switch_our_view(on, warm)

    stock = Side(_render_html, plain, before=switch(False))
    ours = Side(_render_html, sealed, before=switch(True))
    sides = [stock, ours]
    if beside_barcodes:
        sides.append(Side(with_barcodes, plain, before=switch(False)))
    take_turns(books.env, sides, HTML_GROUP)
    yield compare("HTML with both codes, against the stock invoice", ours, stock, aim=1.5)
    for barcodes in sides[2:]:
        yield compare("  (stock with two images of Odoo's barcode maker)", barcodes, stock)


def _pdf(books, size):
    warm = books.posted(1)
    stock = Side(_render_pdf, books.posted(size), before=lambda: _switch_our_view(False, warm))
    ours = Side(_render_pdf, books.sealed(size), before=lambda: _switch_our_view(True, warm))
    take_turns(books.env, [stock, ours], PDF_GROUP)
    yield compare("PDF with both codes, against the stock invoice", ours, stock, aim=1.05)


def _render_html(move):
    return move.env["ir.actions.report"]._render_qweb_html(REPORT, move.ids)[0]


def _render_pdf(move):
    return move.env["ir.actions.report"]._render_qweb_pdf(REPORT, move.ids)[0]


def _switch_our_view(on, warm):
    """Turn this addon's part of the printed invoice on or off, and let Odoo compile the view."""
    view = warm.env.ref("l10n_pl_ksef_offline.report_invoice_document").sudo()
    if view.active != on:
        view.active = on
    _render_html(warm)


@contextmanager
def _styles_served(env):
    """Serve what the printed page loads, as the server that a user works with does."""
    server = make_server("127.0.0.1", 0, http.root, threaded=True)
    env["ir.config_parameter"].sudo().set_param("report.url", f"http://127.0.0.1:{server.server_port}")
    env.cr.commit()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
