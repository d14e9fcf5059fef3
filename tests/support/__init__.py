"""What tests share: real servers, builders of orders, waiting for conditions."""
