#!/usr/bin/env python3
"""The documentation tells the truth: links lead somewhere, commands and flags exist, definitions are valid.

usage: docs_test.py NESTBOX
"""
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NESTBOX = pathlib.Path(sys.argv[1]).resolve()
mistakes = []


def pages():
    yield from sorted(ROOT.glob("*.md"))
    for folder in ("docs", "examples", "ci"):
        yield from sorted((ROOT / folder).rglob("*.md"))


def blocks(text, *languages):
    """Fenced blocks of these languages, each with the number of its first line."""
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if match[1] in languages:
            yield text.count("\n", 0, match.start()) + 2, match[2]


def check_links(page, text):
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
            mistakes.append(f"{page.relative_to(ROOT)}: the link to '{target}' leads nowhere")


@functools.cache
def help_of(*command):
    done = subprocess.run([NESTBOX, *command, "--help"], capture_output=True, text=True, timeout=30)
    return done.stdout if done.returncode == 0 else None


def check_command(where, words):
    """`nestbox NOUN [VERB] … --flag …`: the words before the first other argument are commands."""
    if not words or words[0].startswith("-"):
        command = []
    elif words[0] in ("cache", "env") and len(words) > 1:
        command = words[:2]
    else:
        command = words[:1]
    usage = help_of(*command)
    if usage is None:
        mistakes.append(f"{where}: there is no command 'nestbox {' '.join(command)}'")
        return
    for word in words[len(command):]:
        if word == "--":
            break
        if re.match(r"--?[a-z]", word) and not re.search(rf"(^|[\s,[]){re.escape(word)}\b", usage):
            mistakes.append(f"{where}: 'nestbox {' '.join(command)}' has no flag '{word}'")


def check_commands(page, text):
    for line, block in blocks(text, "console", "sh"):
        for offset, content in enumerate(block.splitlines()):
            content = re.sub(r"\s#\s.*", "", content)
            match = re.match(r"(?:\$ )?(?:\S*/)?nestbox( .*)?$", content)
            if match:
                check_command(f"{page.relative_to(ROOT)}:{line + offset}", (match[1] or "").split())


def check_definitions(page, text):
    for line, block in blocks(text, "yaml"):
        if "version: 1" not in block:
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "nestbox.yml").write_text(block)
            for path in re.findall(r"(?:script|from): ([\w.-]+/[\w./-]+)", block):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text("#!/bin/sh\n")
            done = subprocess.run([NESTBOX, "validate"], cwd=folder, capture_output=True, text=True, timeout=30)
            if done.returncode != 0:
                mistakes.append(f"{page.relative_to(ROOT)}:{line}: {done.stderr.strip()}")


def check_scripts(page, text):
    for path in re.findall(r"`((?:scripts|benchmarks|examples|ci|\.ci)/[\w./-]+)", text):
        if not (ROOT / path).exists():
            mistakes.append(f"{page.relative_to(ROOT)}: '{path}' does not exist")


def check_features():
    """The table of what drivers can do is what they say."""
    nowhere = {**os.environ, "LIBVIRT_DEFAULT_URI": "test:///nonexistent"}
    done = subprocess.run([NESTBOX, "doctor", "--features"], capture_output=True, text=True, timeout=30, env=nowhere)
    # A driver that this program was built without says nothing of itself.
    if "| kernel, disk | no |" not in done.stdout and done.stdout not in (ROOT / "docs/drivers/README.md").read_text():
        mistakes.append(f"docs/drivers/README.md: its table is not what 'nestbox doctor --features' prints:\n{done.stdout}")


def check_index():
    """docs/README.md leads to every page, that of drivers and that of decisions to theirs."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        index = page.parent / "README.md" if page.parent.name in ("adr", "drivers") else ROOT / "docs/README.md"
        index = ROOT / "docs/README.md" if page.name == "README.md" else index
        if page != index and f"({page.relative_to(index.parent)})" not in index.read_text():
            mistakes.append(f"{index.relative_to(ROOT)}: there is no link to '{page.relative_to(ROOT)}'")


check_features()
check_index()
for each in pages():
    content = each.read_text()
    check_links(each, content)
    check_commands(each, content)
    check_definitions(each, content)
    check_scripts(each, content)
if mistakes:
    sys.exit("\n".join(mistakes))
print("ok")
