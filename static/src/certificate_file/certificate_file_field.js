import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { BinaryField, binaryField } from "@web/views/fields/binary/binary_field";
import { getDataURLFromFile } from "@web/core/utils/urls";
import { checkFileSize } from "@web/core/utils/files";

import { useState } from "@odoo/owl";

/** A file field that files can be dropped on, and that is never downloaded from again. */
export class CertificateFileField extends BinaryField {
    static template = "l10n_pl_ksef_offline.CertificateFileField";

    setup() {
        super.setup();
        this.notification = useService("notification");
        this.drag = useState({ over: false });
    }

    async onDrop(ev) {
        this.drag.over = false;
        const file = ev.dataTransfer.files[0];
        if (file && checkFileSize(file.size, this.notification)) {
            const url = await getDataURLFromFile(file);
            await this.update({ name: file.name, data: url.split(",")[1] });
        }
    }
}

registry.category("fields").add("l10n_pl_ksef_file", {
    ...binaryField,
    component: CertificateFileField,
});
