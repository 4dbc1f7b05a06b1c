// Run by test_browser_outage_day.py on the list of invoices: all are issued offline, `refused` cannot be.
const listed = () => seen(".o_data_row .o_data_cell[name=name]").map((cell) => cell.innerText);

run(async () => {
    await until("the invoices", () => numbers.every((number) => listed().includes(number)));
    await click("thead .o_list_record_selector input");
    await until("the selection", () => seen(".o_selection_box, .o_list_selection_box")[0]);
    await click(".o_cp_action_menus [data-hotkey=u]");
    (await until(action, () => seen(".o_menu_item").find((item) => item.innerText.trim() === action))).click();
    await reads("count", `${numbers.length}`);
    await pressInDialog("action_issue");
    await reads("summary", refused);
    await pressInDialog("action_show_refused");
    await noDialog();
    await until("the one not issued", () => seen(".o_form_view .o_breadcrumb")[0]?.innerText.includes(refused));
});
