"""Sales review (销售审核): the first look at an order, and the master data of customers, products and prices."""
