"""Drawings of the pages, as pure functions that return SVG: maps, bars and histories (ADR 0035).

Their looks are classes of drawing.css, as the pages' CSP allows no `style=`.
"""
