// Run by test_browser_upload.py in the web client, with `cases` defined before it: each is uploaded as a person does
// it, one file dropped and one chosen, and what the form then says is compared with what it should say.
const transfer = ({ name, base64 }) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name));
    return data;
};
const drop = (name, file) => {
    const zone = field(name).querySelector(".o_l10n_pl_ksef_file");
    zone.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer(file), bubbles: true, cancelable: true }));
};
const chooseFile = (name, file) => {
    const input = field(name).querySelector("input[type=file]");
    input.files = transfer(file).files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
};
const problems = () => [...document.querySelectorAll(".modal .text-danger")].map((node) => node.innerText).join(" ");

const upload = async ({ what, key, certificate, password, problem, serial }) => {
    (await until("the button", () => document.querySelector(".o_control_panel button[name]"))).click();
    await until("the dialog", () => field("key_file"));
    drop("key_file", key);
    await until("the key's name", () => field("key_file").innerText.includes(key.name));
    chooseFile("certificate_file", certificate);
    await until("the certificate's name", () => field("certificate_file").innerText.includes(certificate.name));
    type("password", password);
    if (problem) {
        await until(`${what}: "${problem}" instead of "${problems()}"`, () => problems().includes(problem));
        document.querySelector(".modal footer button.btn-secondary").click();
        await until("the dialog's end", () => !document.querySelector(".modal"));
    } else {
        await until(`${what}: the serial number`, () => field("serial_number")?.innerText.includes(serial));
        document.querySelector(".modal button[name=action_add]").click();
        await until(`${what}: the certificate's page`, () =>
            document.querySelector(".o_form_view .o_field_widget[name=fingerprint]"),
        );
    }
};

run(async () => {
    for (const one of cases) {
        await upload(one);
    }
});
