"""What the images that train on tables share: how channels are read, and the proof that ONNX predicts the same."""
