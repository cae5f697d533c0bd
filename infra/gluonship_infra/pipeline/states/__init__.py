"""The stages of the pipeline, each a few states; the definition joins them by their names."""
