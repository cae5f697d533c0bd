"""GluonShip: train, evaluate, serve and ship GluonCV models, on AWS SageMaker and on this machine."""

__version__ = "0.1.0"
