"""Asynchronous inference: requests wait in a queue, inputs and answers lie in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

from gluonship_infra.endpoint.data_capture import s3_prefix
from gluonship_infra.endpoint.refusals import InvalidProps, whole


@dataclass(frozen=True)
class AsyncInference:
    """An endpoint that answers InvokeEndpointAsync, and nothing else.

    Callers put inputs below `input_prefix`; answers go below `output_prefix`, reasons of failures below
    `failure_prefix`. `key` encrypts answers: the endpoint's own when left out.
    """

    output_bucket: s3.IBucket
    output_prefix: str = "async/output"
    failure_prefix: str = "async/failure"
    input_bucket: s3.IBucket | None = None  # the output bucket when left out
    input_prefix: str = "async/input"
    key: kms.IKey | None = None
    success_topic: sns.ITopic | None = None
    error_topic: sns.ITopic | None = None
    response_in_notices: bool = False  # the answer itself, in the notices to the topics given
    max_concurrent_invocations_per_instance: int | None = None  # SageMaker chooses when left out

    def __post_init__(self) -> None:
        for prop in ("output_prefix", "failure_prefix", "input_prefix"):
            s3_prefix(f"AsyncInference {prop}", getattr(self, prop))
        if self.max_concurrent_invocations_per_instance is not None:
            whole(
                "max_concurrent_invocations_per_instance",
                self.max_concurrent_invocations_per_instance,
                1,
                1000,
                "invocations at once",
            )
        if self.response_in_notices and not self.topics:
            raise InvalidProps("response_in_notices needs success_topic, error_topic or both.")

    @property
    def topics(self) -> list[sns.ITopic]:
        return [topic for topic in (self.success_topic, self.error_topic) if topic is not None]

    @property
    def inputs(self) -> s3.IBucket:
        return self.input_bucket or self.output_bucket


def async_inference_config(
    asynchronous: AsyncInference, key: kms.IKey
) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
    """The settings as CloudFormation has them; `key` where they name none."""
    config = sagemaker.CfnEndpointConfig
    bucket = asynchronous.output_bucket.bucket_name
    most = asynchronous.max_concurrent_invocations_per_instance
    return config.AsyncInferenceConfigProperty(
        output_config=config.AsyncInferenceOutputConfigProperty(
            s3_output_path=f"s3://{bucket}/{asynchronous.output_prefix}",
            s3_failure_path=f"s3://{bucket}/{asynchronous.failure_prefix}",
            kms_key_id=(asynchronous.key or key).key_arn,
            notification_config=_notices(asynchronous) if asynchronous.topics else None,
        ),
        client_config=config.AsyncInferenceClientConfigProperty(max_concurrent_invocations_per_instance=most)
        if most is not None
        else None,
    )


def _notices(
    asynchronous: AsyncInference,
) -> sagemaker.CfnEndpointConfig.AsyncInferenceNotificationConfigProperty:
    topics = {
        "SUCCESS_NOTIFICATION_TOPIC": asynchronous.success_topic,
        "ERROR_NOTIFICATION_TOPIC": asynchronous.error_topic,
    }
    arns = {name: topic.topic_arn for name, topic in topics.items() if topic is not None}
    return sagemaker.CfnEndpointConfig.AsyncInferenceNotificationConfigProperty(
        success_topic=arns.get("SUCCESS_NOTIFICATION_TOPIC"),
        error_topic=arns.get("ERROR_NOTIFICATION_TOPIC"),
        include_inference_response_in=list(arns) if asynchronous.response_in_notices else None,
    )
