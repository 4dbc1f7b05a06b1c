"""Check that what ``fill_old_version.py`` has left is there and in use. Run in Odoo's shell, which has `env`."""

import ssl

from odoo.modules.module import get_manifest

from odoo.addons.l10n_pl_ksef_offline.devtools.scanning import digest_in, verify
from odoo.addons.l10n_pl_ksef_offline.ksef.codes import links


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{what}: {found!r} instead of {wanted!r}")


ADDON = "l10n_pl_ksef_offline"
module = env["ir.module.module"].search([("name", "=", ADDON)])
expect("version", module.latest_version, get_manifest(ADDON)["version"])

certificate = env["l10n_pl_ksef.certificate"].search([])
expect("certificates", certificate.mapped("state"), ["unconfirmed"])
documents = env["l10n_pl_ksef.document"].search([], order="id")
expect("states", documents.mapped("state"), ["waiting", "waiting", "accepted"])
expect("modes", set(documents.mapped("mode")), {"offline24"})
expect("KSeF numbers", documents.mapped("ksef_number"), [False, False, documents[2].move_id.l10n_pl_edi_number])
for document in documents:
    expect("deadline", bool(document.deadline and document.deadline_reasons), True)
    hashes = {digest_in(link).hex() for link in (document.kod_i, document.kod_ii)}
    expect("hash in the codes", hashes, {document.sha256})
    expect("sealed file", links.digest(document._xml_bytes()).hex(), document.sha256)
    der = ssl.PEM_cert_to_DER_cert(document.certificate_id.pem)
    expect("signature", verify(document.kod_ii, der), True)
expect("codes on paper", [len(move._l10n_pl_ksef_links()) for move in documents.move_id], [2, 2, 1])

kept = int(env["ir.config_parameter"].get_param("upgrade.channel_id", 0))  # the first version had none
channels = env["l10n_pl_ksef.channel"].search([])
expect("channels", [(channel.id, channel.failures) for channel in channels], [(kept, 3)] if kept else [])
env.cr.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'l10n\\_pl\\_ksef\\_queue%'")
expect("tables and indexes of the old name", env.cr.fetchone()[0], 0)
for model, name in (("ir.model", "model"), ("ir.model.data", "name"), ("ir.model.constraint", "name")):
    left = env[model].search([(name, "like", "pl_ksef_queue")]) | env[model].search([(name, "like", "pl_ksef.queue")])
    expect(f"{model} of the old name", left.mapped(name), [])
cron = env.ref(f"{ADDON}.cron_send")
expect("model of the worker's cron", cron.model_id.model, "l10n_pl_ksef.channel")

# The old key signs, and each screen opens.
new = documents[0].move_id.copy({"invoice_date": documents[0].issue_date})
new.action_post()
new.action_l10n_pl_ksef_issue_offline()
expect("new document", new.l10n_pl_ksef_document_id.certificate_id, certificate)
names = env["ir.model.data"].search([("module", "=", ADDON), ("model", "=", "ir.ui.view")])
for view in env["ir.ui.view"].browse(names.mapped("res_id")).filtered("model"):
    env[view.model].get_views([(view.id, view.type)])
