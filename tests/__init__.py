"""Proofs: unit, contract, integration, system; and bench, which only measures."""
