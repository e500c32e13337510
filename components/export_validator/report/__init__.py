"""report.html: what ExportValidator found, for people.

page.py             the page as a whole, from report.html.jinja.
figures.py          the numbers in the sections beyond the checks.
plots.py            the plots, as SVG.
"""
