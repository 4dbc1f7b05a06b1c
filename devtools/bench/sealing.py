"""What sealing an invoice costs against what Odoo alone does with one: render the FA(3) file and store it."""

from .measure import Side, compare, take_turns

GROUP = 10


def run(books, sizes):
    for size in sizes:
        store = Side(_store, books.posted(size))
        ours = Side(lambda move: move._l10n_pl_ksef_issue_offline("offline24"), books.posted(size))
        sides = [store, ours]
        if size == min(sizes):
            sides.append(Side(_store_and_tell, books.posted(size)))
        take_turns(books.env, sides, GROUP)
        books.env.cr.commit()
        yield compare("seal, against rendering and storing the XML", ours, store, aim=1.25)
        for told in sides[2:]:
            yield compare("  (against all that Odoo does but sending it)", ours, told)


def _store(move):
    """Make the XML and the attachment that ``account.move.send`` of l10n_pl_edi makes."""
    move.env["ir.attachment"].sudo().create(
        {
            "name": f"FA3-{move.name.replace('/', '_')}.xml",
            "type": "binary",
            "mimetype": "application/xml",
            "raw": move._l10n_pl_edi_render_xml().encode(),
            "res_id": move.id,
            "res_model": move._name,
            "res_field": "l10n_pl_edi_attachment_file",
        }
    )


def _store_and_tell(move):
    """Do what ``account.move.send`` of l10n_pl_edi does: lock, render, store, and tell so in the chatter."""
    move.lock_for_update()
    xml = move._l10n_pl_edi_render_xml().encode()
    move.env["account.move.send"]._link_invoice_documents({move: {"l10n_pl_edi_attachment_file": xml}})
