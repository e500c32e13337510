"""Examples in docstrings, and every Python block of README and docs/, run."""

import doctest
import re
from pathlib import Path

import pytest

import tfx_kmeans

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').glob('*.md'))]


@pytest.mark.parametrize('name', ['fit', 'KMeansModel', 'assign', 'kmeans_step'])
def test_docstring_examples_run(name):
    public = getattr(tfx_kmeans, name)
    documented = getattr(public, 'python_function', public)
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(documented, name, globs={'tfx_kmeans': tfx_kmeans})
    assert len(example.examples) >= 3, 'an example that shows how it is used'
    printed = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed, _ = runner.run(example, out=printed.append)
    assert not failed, ''.join(printed)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text()
    for target, anchor in re.findall(r'\]\(([\w./-]*)(#[\w-]+)?\)', text):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            titles = re.findall(r'^#+ (.*)$', path.read_text(), re.M)
            slugs = {re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-') for title in titles}
            assert anchor[1:] in slugs, f'{target}{anchor}: {sorted(slugs)}'


def test_guides_are_listed_in_the_readme():
    readme = (ROOT / 'README.md').read_text()
    for page in PAGES[1:]:
        assert f'({page.relative_to(ROOT)})' in readme, page.name
