"""The whole journey on this machine, with real images: what `gluonship demo` does."""
