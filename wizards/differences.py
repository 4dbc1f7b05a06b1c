from markupsafe import Markup


def as_table(env, found, old, new):
    """Return differences of two files as a table (HTML), those that are business content marked red.

    :param list found: of ``ksef.fa3_diff.Difference``
    :param str old: heads the column of the first file; ``new`` that of the second
    """
    row = Markup("<tr class='%s'><td>%s</td><td>%s</td><td>%s</td></tr>")
    rows = Markup().join(
        row % ("" if each.allowed else "text-danger", each.path, each.old or "", each.new or "") for each in found
    )
    head = Markup("<tr><th>%s</th><th>%s</th><th>%s</th></tr>") % (env._("Field"), old, new)
    return Markup("<table class='table table-sm'><thead>%s</thead><tbody>%s</tbody></table>") % (head, rows)
