"""Stack sets: one template, stacks of it in many accounts and regions, brought about by operations on the set."""
