"""Change sets: what a definition would change in a stack, told before it is executed."""
