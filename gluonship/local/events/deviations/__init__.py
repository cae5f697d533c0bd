"""Where moto's EventBridge and S3 notifications answer otherwise than AWS: one module a deviation, each a
small patch that says what AWS does. They change moto in the process that applies them only: the cloud's. They
are applied anew for an account that has been emptied, so what they call of moto's own is taken at import.
"""
