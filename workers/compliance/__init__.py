"""Compliance (合规): orders against the company's list of legal and policy restrictions."""
