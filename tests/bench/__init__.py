"""Figures, never judged by their size: a test machine does other things as well."""
