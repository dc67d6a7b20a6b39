"""What the programs that train with PyTorch share: the device, the loop, checkpoints; a use case brings its Task."""
