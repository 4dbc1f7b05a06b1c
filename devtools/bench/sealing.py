"""What the file, and sealing an invoice, cost against what Odoo alone does: render its FA(3) file, and store it."""

from .measure import Side, compare, take_turns

GROUP = 10


def run(books, sizes):
    for size in sizes:
        rendered = Side(_render, books.posted(size), _odoos_file(books))
        written = Side(lambda move: move._l10n_pl_ksef_sealable_xml(), books.posted(size))
        take_turns(books.env, [rendered, written], GROUP)
        yield compare("the file with all its checks, against rendering it", written, rendered, aim=0.15)
        stored = Side(_store, books.posted(size), _odoos_file(books))
        sealed = Side(lambda move: move._l10n_pl_ksef_issue_offline("offline24"), books.posted(size))
        take_turns(books.env, [stored, sealed], GROUP)
        books.env.cr.commit()
        yield compare("seal, against rendering and storing the file", sealed, stored, aim=0.3)


def _odoos_file(books):
    """Return what makes the company send Odoo's own file from then on."""

    def switch():
        books.env.company.sudo().l10n_pl_ksef_own_file = False

    return switch


def _render(move):
    return move._l10n_pl_edi_render_xml().encode()


def _store(move):
    """Make the XML and the attachment that ``account.move.send`` of l10n_pl_edi makes."""
    move.env["ir.attachment"].sudo().create(
        {
            "name": f"FA3-{move.name.replace('/', '_')}.xml",
            "type": "binary",
            "mimetype": "application/xml",
            "raw": _render(move),
            "res_id": move.id,
            "res_model": move._name,
            "res_field": "l10n_pl_edi_attachment_file",
        }
    )
