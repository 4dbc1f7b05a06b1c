// The tour of ksef-client-ts: node_modules, URL, NIP, folder.
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, url, nip, folder] = process.argv.slice(2);
const { KSeFClient, createZip, openOnlineSession, uploadBatch } = createRequire(join(modules, "x.js"))("ksef-client-ts");
const file = (name) => readFileSync(join(folder, name));
const files = [0, 1, 2, 3].map((number) => file(`${number}.xml`));
const pollOptions = { intervalMs: 200, maxAttempts: 100 };

const client = new KSeFClient({
    baseUrl: url.replace(/\/v2$/, ""),
    environment: "TEST",
    presignedUrlHosts: ["127.0.0.1"],
});
await client.crypto.init();
await client.loginWithCertificate(file("login.crt").toString(), file("login.key").toString(), nip);
console.log("logged in with XAdES");
const session = await openOnlineSession(client);
for (const xml of files.slice(0, 2)) await session.sendInvoice(xml);
await session.close();
const upo = await session.waitForUpo(pollOptions);
const { invoices } = await client.sessionStatus.getSessionInvoices(session.sessionRef);
const numbers = invoices.map((invoice) => invoice.ksefNumber);
console.log("sent one by one:", ...numbers);
const page = await client.sessionStatus.getSessionUpo(session.sessionRef, upo.pages[0].referenceNumber);
assert(page.upo.includes(numbers[0]));
console.log("UPO of the session");
const entries = files.slice(2).map((content, number) => ({ fileName: `${number}.xml`, content }));
const batch = await uploadBatch(client, await createZip(entries), { offlineMode: true, pollOptions });
console.log("sent in a package:", batch.upo.successfulInvoiceCount);
await new Promise((done) => setTimeout(done, 3000)); // until KSeF has stored them
const fetched = await client.invoices.getInvoice(numbers[0]);
assert.equal(fetched.xml, files[0].toString());
console.log("an invoice fetched");
const sessions = await client.sessionStatus.getSessions("Online", 10);
console.log("sessions listed:", sessions.sessions.length);
await client.logout();
console.log("logged out");
