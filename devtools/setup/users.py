"""The users of the database "demo". Run in Odoo's shell, which has `env`."""

ACCOUNTANT_GROUPS = ("base.group_user", "account.group_account_user", "base.group_partner_manager")

admin = env.ref("base.user_admin")
admin.write({"password": "admin", "lang": "en_US"})
certificates = env.ref("l10n_pl_ksef_offline.group_certificate_manager", raise_if_not_found=False)
if certificates:
    admin.write({"group_ids": [(4, certificates.id)]})
env["res.users"].with_context(no_reset_password=True).create(
    {
        "name": "Anna Księgowa",
        "login": "accountant",
        "password": "accountant",
        "email": "accountant@example.com",
        "lang": "pl_PL",
        "tz": "Europe/Warsaw",
        # sees and does all of accounting, corrects a buyer's data, and none of the settings
        "group_ids": [(4, env.ref(group).id) for group in ACCOUNTANT_GROUPS],
    }
)
env.cr.commit()
