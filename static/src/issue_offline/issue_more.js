import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

/**
 * Goes on issuing many invoices, request by request, and shows how far it is.
 */
async function issueMore(env, action) {
    const { wizard_id, done, count } = action.params;
    const close = env.services.notification.add(_t("Issued offline: %(done)s of %(count)s", { done, count }), {
        type: "info",
        sticky: true,
    });
    try {
        return await env.services.orm.call("l10n_pl_ksef.issue.offline", "action_go_on", [[wizard_id]]);
    } finally {
        close();
    }
}

registry.category("actions").add("l10n_pl_ksef_issue_more", issueMore);
