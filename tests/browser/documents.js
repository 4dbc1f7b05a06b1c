// Run by test_browser_outage_day.py on the dashboard: from the card to the documents, `everything` that is unfinished,
// and there through each of `filters` (its label and what it leaves), grouped by `mode`, to the pivot and the graph.
const listed = () => seen(".o_data_row .o_data_cell[name=number]").map((cell) => cell.innerText);
const lists = (numbers) =>
    until(
        `${numbers} instead of ${listed()}`,
        () => JSON.stringify(listed().sort()) === JSON.stringify([...numbers].sort()),
    );
const toggle = async (menu, label) => {
    if (!seen(`${menu} .o_menu_item`).length) {
        await click(".o_searchview_dropdown_toggler");
    }
    (await until(label, () => seen(`${menu} .o_menu_item`).find((item) => item.innerText.trim() === label))).click();
};

run(async () => {
    await click("a[name=action_l10n_pl_ksef_unfinished]");
    await lists(everything);
    for (const [label, numbers] of filters) {
        await toggle(".o_filter_menu", label);
        await lists(numbers);
        await toggle(".o_filter_menu", label);
        await lists(everything);
    }
    await toggle(".o_group_by_menu", mode);
    await until("the groups", () => seen(".o_group_header").length === 2);
    await click(".o_switch_view.o_pivot");
    await until("the pivot", () => seen(".o_pivot td.o_pivot_cell_value")[0]);
    await click(".o_switch_view.o_graph");
    await until("the graph", () => seen(".o_graph_canvas_container canvas")[0]);
});
