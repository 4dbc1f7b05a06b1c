// What a person does in the web client and on the portal, for the stories that are run after it. Elements go by the
// names of their fields and buttons, not by their texts. `run` tells the test how a story has ended.
const until = async (what, condition) => {
    for (let tries = 0; tries < 400; tries++) {
        const found = condition();
        if (found) {
            return found;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`waited in vain for ${what}`);
};
const seen = (selector, root = document) =>
    [...root.querySelectorAll(selector)].filter((node) => node.checkVisibility({ visibilityProperty: true }));
const dialog = () => seen(".modal").at(-1);
const noDialog = () => until("the dialog's end", () => !document.querySelector(".modal, .o_blockUI"));

const click = async (selector, root = () => document) =>
    (await until(selector, () => !document.querySelector(".o_blockUI") && seen(selector, root())[0])).click();
const press = (name, root) => click(`button[name="${name}"]:not([disabled])`, root);
const pressInDialog = (name) => press(name, () => dialog() ?? document.createElement("div"));

const field = (name) => seen(`.o_field_widget[name="${name}"]`).at(-1);
const textOf = (name) => {
    const widget = field(name);
    return (
        widget &&
        [widget.innerText, ...[...widget.querySelectorAll("input, textarea")].map((one) => one.value)].join(" ")
    );
};
const reads = (name, ...words) =>
    until(`"${words}" in ${name} instead of "${textOf(name)}"`, () =>
        words.every((word) => textOf(name)?.includes(word)),
    );
const type = (name, text) => {
    const input = field(name).querySelector("input, textarea");
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
};
const choose = async (name, value) =>
    (await until(name, () => field(name)?.querySelector(`[data-value="${value}"]`))).click();

const downloaded = async () => {
    for (let tries = 0; tries < 400; tries++) {
        const names = await (await fetch("http://downloads.example/", { cache: "no-store" })).json();
        if (names.length) {
            return names;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("waited in vain for a download");
};
// A page that is left while it still loads makes errors that have nothing to do with the story.
const settled = async () => {
    for (let before = -1, now = 0; document.readyState !== "complete" || now !== before;) {
        before = now;
        await new Promise((resolve) => setTimeout(resolve, 1500));
        now = performance.getEntriesByType("resource").length;
    }
};
const expect = (what, found, wanted) => {
    if (JSON.stringify(found) !== JSON.stringify(wanted)) {
        throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
    }
};

// Nobody waits for what it returns, since a story may leave the page.
const run = (story) =>
    void story().then(
        () => console.log("test successful"),
        (error) => console.error(error.message),
    );
