"""The sandbox: an AWS endpoint on the user's own machine. It knows nothing of our templates."""
