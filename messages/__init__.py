"""Wire contracts: strict, frozen, versioned models of everything that crosses a process or company border."""
