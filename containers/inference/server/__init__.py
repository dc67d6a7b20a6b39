"""What every inference image starts as `<image> serve`; README.md says what an image offers to it."""
