"""The commands that the pages of this repository print, as a shell reads them."""

import re

from tests.small_project import ROOT

PAGES = sorted(
    [
        *(
            ROOT / name
            for name in (
                "README.md",
                "ARCHITECTURE.md",
                "CONTRIBUTING.md",
                "SECURITY.md",
                "alerts/README.md",
                "dashboards/README.md",
            )
        ),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "alerts/runbooks").glob("*.md"),
    ]
)
TOOLS = ("make", "espalier", "kubectl", "helm")

NOT_OURS = tuple("curl git cosign gh export dvc .venv/bin/dvc ln pre-commit sed docker go amtool promtool".split())
"""Commands of other projects, by the beginning of a line."""

FENCE = re.compile(r"^( *)```(?:sh|bash|console)\n(.*?)^ *```", re.M | re.S)
INLINE = re.compile(r"(?<!`)`((?:\.venv/bin/)?(?:make|espalier|kubectl|helm) [^`]+)`(?!`)")
ASSIGNMENT = re.compile(r"^(?:[A-Z_]+=(?:\$\(|\S+ ))+")


def commands(page):
    text = page.read_text()
    for _indent, block in FENCE.findall(text):
        yield from (clean(line) for line in logical_lines(block) if line and not line.startswith("#"))
    for line in INLINE.findall(FENCE.sub("", text)):
        yield clean(line.replace("\n", " "))


def logical_lines(block):
    """Yield lines as a shell reads them: joined at backslashes, and within quotation marks."""
    line = ""
    for part in block.replace("\\\n", " ").splitlines():
        line = f"{line} {part}".strip()
        if line.count("'") % 2 == 0:
            yield line
            line = ""


def clean(line):
    line = re.sub(r"\s+#.*$", "", line.strip())
    return ASSIGNMENT.sub("", line).removeprefix("$ ").replace(".venv/bin/espalier", "espalier").rstrip(" &)")


ALL = sorted({(page, line) for page in PAGES for line in commands(page) if not line.startswith(NOT_OURS)}, key=str)
OURS = [(page, line) for page, line in ALL if line.split()[0] in TOOLS]
