"""What runs inside a training container: labelled images in, an artifact out."""
