"""Drawings that both pages and messages show: SVG, and PNG made of it."""
