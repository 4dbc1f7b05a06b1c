"""A Polish company with what a printed invoice shows. Run in Odoo's shell, which has `env`."""

company = env.company
company.write(
    {
        "name": "Próba Łódź Sp. z o.o.",
        "country_id": env.ref("base.pl").id,
        "street": "ul. Żółta 7/9",
        "city": "Łódź",
        "zip": "90-001",
        "vat": "PL5795955811",
        "phone": "+48 42 123 45 67",
        "email": "biuro@example.com",
        "company_details": "Próba Łódź Sp. z o.o.<br/>ul. Żółta 7/9<br/>90-001 Łódź<br/>NIP 579-595-58-11",
        # without it the first Print opens a wizard
        "external_report_layout_id": env.ref("web.external_layout_standard").id,
    }
)
# installing l10n_pl does not load its chart of accounts
env["account.chart.template"].try_loading("pl", company, install_demo=False)
# after the chart: the journals' codes would be Polish otherwise
env["base.language.install"].create({"lang_ids": [(6, 0, env.ref("base.lang_pl").ids)]}).lang_install()
# compiled once here, the web client's bundles are there in every copy
env["ir.qweb"]._pregenerate_assets_bundles()
env.cr.commit()
