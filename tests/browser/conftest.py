"""Reports in Debian's Chromium, at the width of a desktop or a phone, light or dark."""

import shutil

import pytest
from selenium import webdriver

from tfx_kmeans import cli


@pytest.fixture(scope='session')
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which('chromium')
    for argument in ('--headless=new', '--no-sandbox', '--disable-dev-shm-usage'):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    service = webdriver.ChromeService(shutil.which('chromedriver'))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def open_report(browser, tmp_path):
    """Validates on the command line and opens the report in `browser`."""

    def opened(made, *options, width=1280, scheme='light'):
        report = tmp_path / 'report'
        given = ('--centroids', made.centroids, '--examples', made.examples, '--report', report)
        cli.main(['validate', str(made.model), *map(str, given), *options])
        size = {'width': width, 'height': 900, 'deviceScaleFactor': 1, 'mobile': width < 600}
        browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
        media = {'features': [{'name': 'prefers-color-scheme', 'value': scheme}]}
        browser.execute_cdp_cmd('Emulation.setEmulatedMedia', media)
        for log in ('browser', 'performance'):
            browser.get_log(log)
        browser.get(f'file://{report}/report.html')
        return browser

    return opened
