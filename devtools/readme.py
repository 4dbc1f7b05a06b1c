"""Puts the fragments in readme/ into README.md, and makes static/description/index.html of them.

Run by ``./dev readme``. With ``--check``, as ``./dev lint`` does, it writes nothing and fails if a file is out of date.
"""

import ast
import re
import sys
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
README, PAGE = ROOT / "README.md", ROOT / "static/description/index.html"
# The fragments of the page, in its order, and their headings
HEADINGS = {
    "DESCRIPTION": "",
    "CONTEXT": "Why: the law in brief",
    "USAGE": "Use",
    "CONFIGURE": "Configure",
    "INSTALL": "Install into an Odoo 19 you have",
    "ROADMAP": "What it does not do",
}
# Where README.md holds a fragment
PLACE = re.compile(r"(<!-- readme/(\w+)\.md -->\n).*?(<!-- end -->\n)", re.DOTALL)
HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<title>{title}</title>
</head>
<body>
<main class="container py-4">
{body}</main>
</body>
</html>
"""


def section(name, to_root):
    """Return a fragment (Markdown) under its heading.

    :param str to_root: the way from the file it goes into to the addon's root, such as "../../"
    """
    text = (ROOT / f"readme/{name}.md").read_text().replace("](../", f"]({to_root}")
    return f"## {HEADINGS[name]}\n\n{text}" if HEADINGS[name] else text


def readme():
    """Return README.md (str) with the fragments as they are now; what stands between them is written there."""
    return PLACE.sub(lambda place: f"{place[1]}\n{section(place[2], '')}\n{place[3]}", README.read_text())


def page():
    """Return the page (HTML) that Odoo's list of addons shows."""
    title = ast.literal_eval((ROOT / "__manifest__.py").read_text())["name"]
    text = "\n".join(section(name, "../../").replace("](../../static/description/", "](") for name in HEADINGS)
    body = MarkdownIt().enable("table").render(f"# {title}\n\n{text}")
    body = body.replace("<img ", '<img class="img-fluid border" ').replace("<table>", '<table class="table">')
    return HTML.format(title=title, body=body)


def main(check):
    outdated = [(path, made) for path, made in ((README, readme()), (PAGE, page())) if path.read_text() != made]
    if check and outdated:
        sys.exit(f"Out of date, run ./dev readme: {', '.join(path.name for path, _made in outdated)}")
    for path, made in outdated:
        path.write_text(made)


if __name__ == "__main__":
    main("--check" in sys.argv)
