"""Orders and facts come in here, whatever the way: one function takes many submissions in one transaction."""
