"""What a draft of a process or a policy would have made of the orders that are there."""
