"""The domain: pictures, predictions, artifacts, data sets, evaluation and drawing.

It travels into training and serving containers, so it keeps to Python 3.8, NumPy, Pillow and OpenCV, and
knows no cloud and no framework.
"""
