"""The report as a browser renders it."""

import dataclasses
import json
import re

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from tfx_kmeans.centroids.storage import write_payload

HOSTILE = '<img src=x onerror="document.title=\'broken\'">'


@pytest.fixture
def failing(on_disk):
    """A model whose centroids are not those of the artifact, and one cluster without rows."""
    made = on_disk()
    moved, weight = made.payload.centroids.copy(), made.payload.cluster_weight.copy()
    moved[0, 0] += 1
    weight[3] = 0
    write_payload(
        made.centroids,
        dataclasses.replace(made.payload, centroids=moved, cluster_weight=weight),
    )
    return made


def text_of(browser):
    return browser.find_element(By.TAG_NAME, 'body').text


def headings(browser):
    return [heading.text for heading in browser.find_elements(By.CSS_SELECTOR, 'h1, h2')]


def assert_quiet(browser):
    """The page alone was requested, and the console is empty."""
    assert browser.get_log('browser') == []
    events = [json.loads(entry['message'])['message'] for entry in browser.get_log('performance')]
    requested = [
        event['params']['request']['url']
        for event in events
        if event['method'] == 'Network.requestWillBeSent'
    ]
    assert len(requested) == 1
    assert requested[0].endswith('/report.html')


def drawing(browser, title):
    (found,) = browser.find_elements(By.CSS_SELECTOR, f'svg[aria-label="{title}"]')
    return found


def numbers_of_texts(svg):
    return [text.text for text in svg.find_elements(By.TAG_NAME, 'text')]


def test_a_good_model(open_report, on_disk, rows):
    names = ('$b_1$ & co', HOSTILE, 'a')
    made = on_disk(names)
    browser = open_report(made, '--baseline-model', str(made.model))
    assert_quiet(browser)
    assert headings(browser) == [
        'The model is blessed',
        'Cluster sizes',
        'Inertia by iteration',
        'Rows and centroids',
        'Comparison with the baseline',
        'Distinguishing features',
        'All checks',
        'The model',
    ]
    text = text_of(browser)
    assert HOSTILE in text
    assert '$b_1$ & co' in text
    assert browser.find_elements(By.TAG_NAME, 'img') == []
    assert browser.title.startswith('Blessed')
    assert '0.00% of the examples change cluster' in text
    assert set('0123') <= set(numbers_of_texts(drawing(browser, 'Rows and centroids, projected')))
    assert re.search(r'serving: (\d+) of \1 passed', text)
    assert 'loads_in_clean_process' not in text
    for summary in browser.find_elements(By.TAG_NAME, 'summary'):
        summary.click()
    assert 'loads_in_clean_process passed' in text_of(browser)
    profiles = browser.find_elements(By.CSS_SELECTOR, '.profiles .card')
    assert len(profiles) == 4
    for profile in profiles:
        cluster, count = map(int, re.match(r'Cluster (\d) (\d+) examples', profile.text).groups())
        labels = np.square(rows[:, None] - made.payload.centroids).sum(axis=2).argmin(axis=1)
        assert (labels == cluster).sum() == count
        here, overall = rows[labels == cluster].mean(axis=0), rows.mean(axis=0)
        most = np.abs((here - overall) / rows.std(axis=0)).argmax()
        cells = [cell.text for cell in profile.find_elements(By.TAG_NAME, 'td')][:3]
        assert cells == [names[most], f'{here[most]:.3g}', f'{overall[most]:.3g}']


def test_failures_come_first(open_report, failing):
    browser = open_report(failing)
    assert_quiet(browser)
    assert headings(browser)[:2] == ['The model is not blessed', 'Failed checks']
    cards = [card.text for card in browser.find_elements(By.CSS_SELECTOR, '#failures .card')]
    assert [card.split()[0] for card in cards] == [
        'centroids_in_model', 'examples_parity', 'raw_parity', 'features_parity',
        'all_distances_parity', 'empty_clusters',
    ]  # fmt: skip
    assert all('what to do' in card for card in cards)
    assert '1: 3' in cards[-1]
    checks = len(browser.find_elements(By.CSS_SELECTOR, '#checks .card'))
    assert f'6 of {checks} checks failed' in text_of(browser)


def test_a_model_that_cannot_be_loaded_has_a_report_too(open_report, failing):
    (failing.model / 'saved_model.pb').unlink()
    browser = open_report(failing)
    assert_quiet(browser)
    assert headings(browser)[:2] == ['The model is not blessed', 'Failed checks']
    assert 'Nothing to show: ' in text_of(browser)
    assert drawing(browser, 'Cluster sizes').size['height'] > 100


def test_rows_are_left_out_if_report_rows_is_false(open_report, on_disk):
    made = on_disk()
    title = 'Rows and centroids, projected'
    shown = len(drawing(open_report(made), title).find_elements(By.TAG_NAME, 'use'))
    browser = open_report(made, '--no-report-rows')
    left = len(drawing(browser, title).find_elements(By.TAG_NAME, 'use'))
    assert shown > 500
    assert left < 50
    assert 'Rows are not shown (report_rows=False).' in text_of(browser)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [360, 1280])
def test_it_is_readable_on_a_phone_and_in_the_dark(open_report, failing, width, scheme):
    browser = open_report(failing, width=width, scheme=scheme)
    assert browser.execute_script('return document.documentElement.scrollWidth') <= width
    for svg in browser.find_elements(By.TAG_NAME, 'svg'):
        text = svg.find_elements(By.TAG_NAME, 'text')[0]
        assert text.size['height'] >= 8
        assert svg.size['width'] <= width
    for element in browser.find_elements(By.CSS_SELECTOR, 'h1, h2, p, dt, dd, b, summary, text'):
        on_a_disc = '700' in (element.get_attribute('style') or '')
        if element.is_displayed() and not on_a_disc:
            assert contrast(browser, element, scheme) >= 4.5, element.text


def contrast(browser, element, scheme):
    """The contrast ratio of WCAG 2 between an element's text and its background."""
    if element.tag_name == 'text':
        colour = element.value_of_css_property('fill')
    else:
        colour = element.value_of_css_property('color')
    script = """
        let at = arguments[0];
        while (at && getComputedStyle(at).backgroundColor === 'rgba(0, 0, 0, 0)') {
            at = at.parentElement;
        }
        return getComputedStyle(at || document.body).backgroundColor;
    """
    back = luminance(browser.execute_script(script, element))
    assert back > 0.8 if scheme == 'light' else back < 0.05
    front = luminance(colour)
    return (max(front, back) + 0.05) / (min(front, back) + 0.05)


def luminance(colour):
    channels = [int(part) / 255 for part in re.findall(r'\d+', colour)[:3]]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))
