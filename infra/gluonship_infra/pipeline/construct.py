"""The training pipeline as a construct: from labelled images in S3 to a better model in service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from gluonship_infra.pipeline import code, names, triggers
from gluonship_infra.pipeline.images import mxnet_image
from gluonship_infra.pipeline.machine import state_machine
from gluonship_infra.pipeline.machine_role import machine_role
from gluonship_infra.pipeline.parameters import Network, Parameters, folder
from gluonship_infra.pipeline.roles import JobAccess, Roles, sagemaker_role
from gluonship_infra.pipeline.settings import PipelineSettings
from gluonship_infra.pipeline.silent_ends import on_silent_end


class TrainingPipeline(Construct):
    """A Step Functions machine that trains, evaluates, gates, registers and deploys, and what it needs.

    `name` is what the names of all its jobs begin with. `data` must send its events to EventBridge where the
    settings have a trigger. Without images, AWS's MXNet Deep Learning Containers are taken, and an own
    `training_image` is the evaluation's too; an own `inference_image` holds all that it needs, and so is cut
    off from the network. Roles that are given are used as they are: they need what `roles.py` would give
    them. With `vpc`, all containers run in it, in `subnets` (else its private ones, else its isolated ones)
    and `security_groups` (else a new one that lets nothing in). `removal_policy` is of the model package
    group and the log: AWS deletes no group that holds a package.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        data: s3.IBucket,
        models: s3.IBucket,
        key: kms.IKey,
        endpoint_name: str,
        settings: PipelineSettings,
        training_image: str | None = None,
        evaluation_image: str | None = None,
        inference_image: str | None = None,
        vpc: ec2.IVpc | None = None,
        subnets: Sequence[ec2.ISubnet] = (),
        security_groups: Sequence[ec2.ISecurityGroup] = (),
        topic: sns.ITopic | None = None,
        training_role: iam.IRole | None = None,
        evaluation_role: iam.IRole | None = None,
        serving_role: iam.IRole | None = None,
        compilation_role: iam.IRole | None = None,
        model_package_group_name: str | None = None,
        log_days: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        if cdk.Token.is_unresolved(name):
            raise ValueError(
                "TrainingPipeline: name must be known when the template is made, and not a token"
            )
        stack, stem = cdk.Stack.of(self), names.stem(name)
        evaluation_image = (
            evaluation_image
            or training_image
            or mxnet_image(stack, "training", settings.evaluation_instance_type)
        )
        training_image = training_image or mxnet_image(stack, "training", settings.training_instance_type)
        isolated_serving = inference_image is not None
        inference_image = inference_image or mxnet_image(stack, "inference", settings.serving_instance_type)
        training_code = code.source_file(code.training_code(self, "TrainingCode"))
        evaluation_code = code.source_file(code.evaluation_code(self, "EvaluationCode"))
        self.topic: sns.ITopic = topic or sns.Topic(self, "Notices", master_key=key, enforce_ssl=True)
        self.model_package_group_name: str = model_package_group_name or _package_group(
            self, stem, removal_policy
        )
        trained, checkpoints, evaluated, compiled = (
            f"{folder(kind, stem)}/*" for kind in ("training", "checkpoints", "evaluations", "compiled")
        )
        network = _network(self, vpc, subnets, security_groups)
        common = JobAccess(models=models, key=key, network=network)
        training = training_role or sagemaker_role(
            self,
            "TrainingRole",
            f"Training of the pipeline {name}",
            replace(
                common,
                image=training_image,
                data=data,
                code=training_code,
                writes=(trained, checkpoints),
                log_group="/aws/sagemaker/TrainingJobs",
            ),
        )
        evaluation = evaluation_role or sagemaker_role(
            self,
            "EvaluationRole",
            f"Evaluation of the pipeline {name}",
            replace(
                common,
                image=evaluation_image,
                data=data,
                code=evaluation_code,
                reads=("*",),  # the model in service may lie anywhere in the bucket
                writes=(evaluated,),
                log_group="/aws/sagemaker/ProcessingJobs",
            ),
        )
        compilation = compilation_role
        if compilation is None and settings.compile_targets:
            compilation = sagemaker_role(
                self,
                "CompilationRole",
                f"Compilation of the pipeline {name}",
                replace(
                    common,
                    network=None,
                    reads=(trained,),
                    writes=(compiled,),
                    log_group="/aws/sagemaker/CompilationJobs",
                ),
            )
        serving = serving_role or sagemaker_role(
            self,
            "ServingRole",
            f"Serving of the pipeline {name}",
            replace(
                common,
                image=inference_image,
                reads=(trained,),
                log_group="/aws/sagemaker/Endpoints",
                watches_alarms=bool(settings.rollback_alarms),
            ),
        )
        machine = machine_role(
            self,
            "MachineRole",
            stem=stem,
            endpoint_name=endpoint_name,
            model_package_group=self.model_package_group_name,
            inference_image=inference_image,
            data=data,
            models=models,
            key=key,
            topic=self.topic,
            passed=[training, evaluation, serving, *([compilation] if compilation else [])],
            compiles=bool(settings.compile_targets),
            watched=bool(settings.rollback_alarms),
        )
        self.roles: Roles = Roles(machine, training, evaluation, serving, compilation)
        self.parameters: Parameters = Parameters(
            stem=stem,
            region=stack.region,
            data_bucket=data.bucket_name,
            models_bucket=models.bucket_name,
            key_arn=key.key_arn,
            training_image=training_image,
            evaluation_image=evaluation_image,
            inference_image=inference_image,
            training_role=training.role_arn,
            evaluation_role=evaluation.role_arn,
            serving_role=serving.role_arn,
            compilation_role=compilation.role_arn if compilation else "",
            training_source=training_code,
            evaluation_source=evaluation_code,
            endpoint_name=endpoint_name,
            model_package_group=self.model_package_group_name,
            topic=self.topic.topic_arn,
            settings=settings,
            network=network,
            isolated_serving=isolated_serving,
        )
        self.state_machine: sfn.StateMachine = state_machine(
            self,
            "Machine",
            parameters=self.parameters,
            role=machine,
            key=key,
            log_days=log_days,
            removal_policy=removal_policy,
        )
        on_silent_end(self, "SilentEnd", machine=self.state_machine, topic=self.topic)
        self._start_by_itself(settings, data)

    def _start_by_itself(self, settings: PipelineSettings, data: s3.IBucket) -> None:
        if settings.trigger_prefix is None and settings.schedule is None:
            return
        role = triggers.events_role(self, "EventsRole", self.state_machine)
        if settings.trigger_prefix is not None:
            triggers.on_ready_data(
                self,
                "ReadyData",
                bucket=data,
                prefix=settings.trigger_prefix,
                machine=self.state_machine,
                role=role,
            )
        if settings.schedule is not None:
            triggers.on_schedule(
                self, "Schedule", expression=settings.schedule, machine=self.state_machine, role=role
            )


def _package_group(scope: Construct, stem: str, removal_policy: cdk.RemovalPolicy) -> str:
    """The group's name. Not the resource's reference, which is its ARN."""
    group = sagemaker.CfnModelPackageGroup(
        scope,
        "ModelPackages",
        model_package_group_name=stem,
        model_package_group_description="Models that passed the training pipeline's quality gate",
    )
    group.apply_removal_policy(removal_policy)
    return stem


def _network(
    scope: Construct,
    vpc: ec2.IVpc | None,
    subnets: Sequence[ec2.ISubnet],
    security_groups: Sequence[ec2.ISecurityGroup],
) -> Network | None:
    if vpc is None:
        return None
    subnets = subnets or vpc.private_subnets or vpc.isolated_subnets
    if not subnets:
        raise ValueError("TrainingPipeline: vpc has no private subnet; give subnets, or another vpc")
    groups = security_groups or [
        ec2.SecurityGroup(
            scope, "Containers", vpc=vpc, description="Containers of the training pipeline: nothing comes in"
        )
    ]
    return Network([subnet.subnet_id for subnet in subnets], [group.security_group_id for group in groups])
