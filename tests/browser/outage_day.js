// Run by test_browser_outage_day.py on an invoice's form: `story` names what the accountant does there.
const alerts = () =>
    seen(".o_form_view .alert")
        .map((node) => node.innerText)
        .join(" ");
const isTold = (...words) =>
    until(`"${words}" instead of "${alerts()}"`, () => words.every((word) => alerts().includes(word)));
const openTab = () => click(".nav-link[name=l10n_pl_ksef_tab]");
const factsRead = (...words) =>
    until(`"${words}" among the facts`, () =>
        words.every((word) => textOf("l10n_pl_ksef_document_ids")?.includes(word)),
    );
const openDocument = async () => {
    await click(".o_field_widget[name=l10n_pl_ksef_document_id] .o_form_uri");
    await until("the document", () => field("sha256"));
};
const print = async () => {
    await press("action_print_pdf");
    await downloaded();
};

const stories = {
    async issueWhatCannotBeSent() {
        await press("action_post");
        await press("action_invoice_sent");
        await pressInDialog("action_send_and_print");
        // The error offers it.
        await click(".o_error_dialog footer .btn-primary, .modal-footer .btn-primary:not([name])", () => dialog());
        await reads("proposal_reason", "offline24");
        await pressInDialog("action_issue");
        await noDialog();
        await isTold("offline24", "24.11.2026");
        await openTab();
        await factsRead("offline24", "24.11.2026");
        await print();
        await press("action_invoice_sent");
        await pressInDialog("action_send_and_print");
        await noDialog();
    },

    async issueInEmergency() {
        await press(buttons.issue_offline);
        await until("the mode", () => field("mode")?.querySelector("[data-value=emergency]")?.checked);
        await pressInDialog("action_issue");
        await noDialog();
        await openTab();
        await factsRead("awar");
    },

    async changeTheMode() {
        await openDocument();
        await press(buttons.change_mode);
        await choose("mode", "emergency");
        type("reason", "Komunikat w BIP: K/2026/AWR/01");
        await pressInDialog("action_change");
        await noDialog();
        await reads("mode_reason", "K/2026/AWR/01");
    },

    async correctTechnically() {
        await openDocument();
        await press(buttons.technical_correction);
        await reads("difference", street);
        await click("input[type=checkbox]", () => field("checked"));
        await pressInDialog("action_correct");
        await noDialog();
        await until("the new document", () => field("corrects_id"));
    },

    async sendOnline() {
        await press("action_post");
        await press("action_invoice_sent");
        await pressInDialog("action_send_and_print");
        await noDialog();
        await until(
            "the button that asks KSeF",
            () => seen("button[name=action_l10n_pl_edi_update_invoice_status]")[0],
        );
        if (seen("button[name=action_l10n_pl_ksef_ask_online]").length || seen(".alert-danger").length) {
            throw new Error(`it was sent, and yet: ${alerts()}`);
        }
    },

    async printWithTheNumber() {
        if (seen("button[name=action_l10n_pl_edi_update_invoice_status]").length) {
            throw new Error("KSeF has given the number, and is to be asked for it");
        }
        await print();
    },

    async seeTheNumber() {
        await isTold(number);
        await print();
        await openTab();
        await factsRead(number);
    },

    async sendTheNumberedCopy() {
        await press("action_l10n_pl_ksef_send_numbered_copy");
        await pressInDialog("action_send_and_print");
        await noDialog();
        await until("the end of the button", () => !seen("button[name=action_l10n_pl_ksef_send_numbered_copy]").length);
    },
};

run(stories[story]);
