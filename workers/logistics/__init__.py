"""Logistics (物流): choosing a carrier, delivery notes (发货单), shipping and tracking (物流追踪单)."""
