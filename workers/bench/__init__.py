"""Measuring: the route, the floor beneath it, and the same job done one message at a time. Run by `orderflow bench`."""
