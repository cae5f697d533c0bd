"""The training pipeline: a Step Functions machine from labelled images to a better model in service."""

from gluonship_infra.pipeline.construct import TrainingPipeline
from gluonship_infra.pipeline.settings import PipelineSettings, SettingsError

__all__ = ["PipelineSettings", "SettingsError", "TrainingPipeline"]
