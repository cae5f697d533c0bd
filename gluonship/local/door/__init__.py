"""Who may speak to the cloud, for both of its planes: which programs, and by which keys.

Pure: requests in, a verdict out. Neither moto nor botocore is imported here: the data plane starts without
them.
"""
