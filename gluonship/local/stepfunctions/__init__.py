"""Step Functions: machines of the states language that really run, with tasks on this cloud's services.

The interpreter is our own. moto's needs a version of ANTLR that the SageMaker SDK excludes, so that one
environment cannot hold both; it also sleeps on the machine's clock, and the jobs of stopped tasks go on.
"""
