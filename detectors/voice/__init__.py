"""A convolutional network over log-mel spectrograms."""
