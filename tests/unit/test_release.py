"""The version, which components/version.py alone has, and the changelog agree."""

import re
from importlib import metadata
from pathlib import Path

import tfx_kmeans

ROOT = Path(__file__).parents[2]
FILE = (ROOT / 'components/version.py').read_text()
VERSION = re.search(r"^__version__ = '(\d+\.\d+\.\d+)'$", FILE, re.M)


def as_numbers(version):
    return tuple(map(int, version.split('.')))


def test_the_installed_package_has_the_version():
    assert tfx_kmeans.__version__ == VERSION.group(1) == metadata.version('tfx-kmeans')


def test_the_changelog_leads_up_to_the_version():
    """Either the version is released and on top, or it is to come, and `Unreleased` has entries."""
    changelog = (ROOT / 'CHANGELOG.md').read_text()
    sections = re.split(r'^## ', changelog, flags=re.M)[1:]
    titles = [section.splitlines()[0] for section in sections]
    released = [re.fullmatch(r'(\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}', title) for title in titles]
    unreleased = titles[:1] == ['Unreleased']
    assert all(released[unreleased:]), f'`## 1.2.3 - 2026-01-31`, or Unreleased first: {titles}'
    versions = [match.group(1) for match in released if match]
    assert versions == sorted(versions, key=as_numbers, reverse=True)
    if versions[:1] == [VERSION.group(1)]:
        assert not unreleased or '\n- ' not in sections[0], 'set the next version'
    else:
        assert all(as_numbers(VERSION.group(1)) > as_numbers(version) for version in versions)
        assert unreleased
        assert '\n- ' in sections[0]
