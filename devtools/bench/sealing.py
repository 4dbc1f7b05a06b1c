"""What sealing an invoice costs against what Odoo alone does with one: render the FA(3) file and store it."""

from .measure import Side, compare, take_turns

GROUP = 10


def run(books, sizes):
    for size in sizes:
        odoo = Side(store_as_odoo, books.posted(size))
        ours = Side(lambda move: move._l10n_pl_ksef_issue_offline("offline24"), books.posted(size))
        take_turns(books.env, [odoo, ours], GROUP)
        books.env.cr.commit()
        yield compare("seal, against rendering and storing the XML", ours, odoo, aim=1.25)


def store_as_odoo(move):
    """Do what ``account.move.send`` of l10n_pl_edi does but for asking KSeF."""
    move.lock_for_update()
    xml = move._l10n_pl_edi_render_xml().encode()
    move.env["account.move.send"]._link_invoice_documents({move: {"l10n_pl_edi_attachment_file": xml}})
