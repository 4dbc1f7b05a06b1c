// Run by test_browser_outage_day.py on an invoice's page of the portal: `labels` are those of its codes, `links` their
// links, and `confirmation` tells whether it is a transaction confirmation.
run(async () => {
    const paper = () => document.querySelector("#invoice_html").contentDocument;
    const codes = await until("the codes", () => paper()?.querySelector("#l10n_pl_ksef_verification_codes"));
    expect("the codes on the paper", codes.querySelectorAll("img").length, labels.length);
    for (const label of labels) {
        await until(label, () => codes.innerText.includes(label));
    }
    expect(
        "the links beside it",
        seen("#l10n_pl_ksef_links a").map((link) => link.href),
        links,
    );
    expect("the confirmation", seen("#l10n_pl_ksef_confirmation_title").length === 1, confirmation);
    await settled();
    await click(".o_download_btn");
    await downloaded();
});
