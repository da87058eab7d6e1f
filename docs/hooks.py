"""What the documentation site takes from outside docs/: pages, and links to files that are no pages.

Pages link to one another by their paths in the repository, so that the links work there too. In the site, a page of
docs/ moves up by one folder, and the pages of the repository's root get the folder project/ (SECURITY.md and
docs/security.md would be one file where names ignore case). A link to a folder leads to its first page. A link to a
file that is no page becomes a link to the repository. A link to nothing stays as it is, and fails the build.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
GENERATED_SECTIONS = {
    "Values of the chart's parts": "charts/espalier/charts/*/README.md",
    "Runbooks: what do I do when an alert fires?": "alerts/runbooks/*.md",
    "Decisions: why is it so?": "docs/adr/*.md",
    "Decisions of the chart": "charts/adr/*.md",
}


def outside_pages() -> list[Path]:
    """Pages that lie outside docs/."""
    patterns = ("[ACS]*.md", "alerts/**/*.md", "charts/**/*.md", "dashboards/*.md")
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def site_path(path: Path) -> str:
    """Return where a page or picture is in the site."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    name = path.relative_to(ROOT).as_posix()
    return name if "/" in name else f"project/{name}"


def on_config(config):
    """Add a section for each folder with one page a file."""
    for title, pattern in GENERATED_SECTIONS.items():
        config.nav.append({title: [site_path(path) for path in sorted(ROOT.glob(pattern))]})


def on_files(files, config):
    """Add the pages that lie outside docs/."""
    for path in outside_pages():
        files.append(File.generated(config, site_path(path), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Replace links by path in the repository with links that work in the site."""
    source = Path(page.file.abs_src_path)

    def replacement(match):
        target = (source.parent / match[1]).resolve()
        if not target.exists():
            return match[0]
        for candidate in [target] if target.is_file() else sorted(target.glob("*.md")):
            if files.get_file_from_path(site_path(candidate)):
                return posixpath.relpath(site_path(candidate), posixpath.dirname(page.file.src_uri) or ".")
        kind = "tree" if target.is_dir() else "blob"
        return f"{config.extra['repository']}/{kind}/main/{target.relative_to(ROOT).as_posix()}"

    return LINK.sub(replacement, markdown)
