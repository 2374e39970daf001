#!/usr/bin/env python3
"""What a release is made of, besides the build itself.

  release.py check TAG                 is TAG the version everywhere, and does CHANGELOG.md tell of it? Prints that section
  release.py pack BINARY TARGET OUT    completions, notices of the crates and OUT/duku-VERSION-TARGET.tar.gz

.github/workflows/release.yml runs it; it needs Python, and Cargo for the notices.
"""

import datetime
import email.utils
import gzip
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What `cargo deb` finds beside the binary (crates/duku/Cargo.toml), too.
PACKAGING = ROOT / "target/packaging"
SHELLS = {"bash": "duku.bash", "zsh": "_duku", "fish": "duku.fish"}
NOTICE = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
CODE = {".rs", ".c", ".h", ".go", ".py", ".sh", ".json", ".toml"}


def version():
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^\[workspace\.package\]\nversion = "([^"]+)"$', text, re.MULTILINE)[1]


def section(of):
    """What CHANGELOG.md says under the heading of a version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(of)} \(\d{{4}}-\d\d-\d\d\)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def check(tag):
    wanted = version()
    problems = []
    if tag != f"v{wanted}":
        problems.append(f"the tag is {tag}, and Cargo.toml has the version {wanted}")
    if not section(wanted):
        problems.append(f"CHANGELOG.md has nothing under `## {wanted} (YYYY-MM-DD)`")
    for name, pattern in [
        ("deploy/helm/duku/Chart.yaml", r"^version: (\S+)$"),
        ("deploy/helm/duku/Chart.yaml", r'^appVersion: "(\S+)"$'),
        ("deploy/kubernetes/deployment.yaml", r"^ *image: \S+:(\S+)$"),
    ]:
        found = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        if not found or found[1] != wanted:
            problems.append(f"{name}: `{pattern}` is not {wanted}")
    if problems:
        sys.exit("\n".join(problems))
    print(section(wanted))


def notices():
    """The licences of every crate in the binary, each text once, with the crates that it is of."""
    tree = ["cargo", "tree", "--locked", "--package=duku", "--edges=normal", "--prefix=none", "--format={p}"]
    told = subprocess.run(tree, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    used = {tuple(line.split()[:2]) for line in told.splitlines() if line}
    metadata = ["cargo", "metadata", "--locked", "--format-version=1"]
    known = json.loads(subprocess.run(metadata, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]
    crates = [one for one in known if one["source"] and (one["name"], f"v{one['version']}") in used]
    crates.sort(key=lambda one: (one["name"], one["version"]))
    assert len(crates) > 50, crates
    texts = {}
    lines = ["Crates from crates.io that are part of the program duku, with their licences. The texts follow below the list.", ""]
    for crate in crates:
        name = f"{crate['name']} {crate['version']}"
        lines.append(f"  {name}: {crate['license'] or 'see its licence file'}")
        # Also in its folders, where the C code of others has licences of its own.
        folder = pathlib.Path(crate["manifest_path"]).parent
        for file in sorted(folder.rglob("*")):
            if file.is_file() and NOTICE.match(file.name) and file.suffix not in CODE:
                text = file.read_text(encoding="utf-8", errors="replace").strip()
                texts.setdefault(text, []).append(f"{name} ({file.relative_to(folder)})")
    for text, of in texts.items():
        lines += ["", "-" * 100, "", *of, "", text]
    return "\n".join(lines) + "\n"


def debian_changelog():
    """In the format that Debian's tools read. What changed is in CHANGELOG.md, which the package has, too."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    day = re.search(rf"^## {re.escape(version())} \((.*)\)$", text, re.MULTILINE)[1]
    date = email.utils.format_datetime(datetime.datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    lines = [f"duku ({version()}-1) unstable; urgency=medium", "  * Release: see CHANGELOG.md.", f" -- The maintainers of Duku <>  {date}"]
    return "\n\n".join(lines) + "\n"


def pack(binary, target, out):
    binary = pathlib.Path(binary).resolve()
    told = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if told != f"duku {version()}":
        sys.exit(f"{binary} says `{told}`, and Cargo.toml has the version {version()}")
    PACKAGING.mkdir(parents=True, exist_ok=True)
    for shell, name in SHELLS.items():
        script = subprocess.run([binary, "completions", shell], check=True, capture_output=True).stdout
        (PACKAGING / name).write_bytes(script)
    (PACKAGING / "THIRD-PARTY-NOTICES.txt").write_text(notices(), encoding="utf-8")
    (PACKAGING / "changelog").write_text(debian_changelog(), encoding="utf-8")
    top = f"duku-{version()}-{target}"
    files = {"duku": binary, "THIRD-PARTY-NOTICES.txt": PACKAGING / "THIRD-PARTY-NOTICES.txt"}
    files |= {f"completions/{name}": PACKAGING / name for name in SHELLS.values()}
    files |= {name: ROOT / name for name in ["README.md", "CHANGELOG.md", "LICENSE", "THIRD-PARTY.md"]}
    files |= {"explorer.LICENSES.txt": ROOT / "crates/viewport/assets/explorer.LICENSES.txt"}
    files |= {"passwords.md": ROOT / "crates/domain/src/users/passwords.md"}
    files |= {"man/duku.1": ROOT / "deploy/debian/duku.1"}
    files |= {f"systemd/{file.name}": file for file in (ROOT / "deploy/systemd").iterdir()}
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    # The same bytes for the same files, whoever packs them and when.
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.mtime = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
            entry.mode = 0o755 if name == "duku" else 0o644
            content = files[name].read_bytes()
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    (out / f"{top}.tar.gz").write_bytes(gzip.compress(written.getvalue(), mtime=0))
    print(out / f"{top}.tar.gz")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["check", tag]:
            check(tag)
        case ["pack", binary, target, out]:
            pack(binary, target, out)
        case _:
            sys.exit(__doc__)
