// Run by test_browser_outage_day.py on the settings of invoicing: `ids` are those of the addon's settings.
const overlap = (one, other) => {
    const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
    const nested = one.contains(other) || other.contains(one);
    return !nested && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
};
const check = (id) => {
    const [setting] = seen(`#${id}`);
    if (!setting?.innerText.trim()) {
        throw new Error(`${id} is not shown`);
    }
    const parts = seen("label, .o_field_widget, button, .text-muted, .text-warning", setting);
    for (const one of parts) {
        const other = parts.find((part) => overlap(one, part));
        if (other) {
            throw new Error(`${id}: "${one.innerText}" lies over "${other.innerText}"`);
        }
    }
};

run(async () => {
    for (const id of ids) {
        document.getElementById(id)?.scrollIntoView();
        await until(id, () => seen(`#${id}`)[0]);
        check(id);
    }
    type("l10n_pl_ksef_batch_threshold", threshold);
    // Saving reloads the page: the script would not see the end of it.
    let saved = false;
    navigation.addEventListener("navigate", (event) => {
        saved = true;
        event.preventDefault();
    });
    await click(".o_form_button_save");
    await until("the saving", () => saved || dialog());
    expect("the error", dialog()?.innerText ?? "", "");
});
