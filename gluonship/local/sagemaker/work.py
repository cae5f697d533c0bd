"""Which of SageMaker's operations start work: it is executed here or refused, never recorded as done.

A record may stay a record (a tag, an experiment, a definition), since nobody waits for it. A job that is
only written down would be said to be Completed without anything having happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

_LOOKING = ("BatchDescribe", "Describe", "Get", "List", "Query", "Search")
_ENDING = ("BatchDelete", "Delete", "Deregister", "Detach", "Disable", "Disassociate", "Stop")

_TRAIN = "Start a training job for each (CreateTrainingJob), and compare their FinalMetricDataList."
_EVALUATE = (
    "Run the check as a processing job (CreateProcessingJob); an EventBridge schedule can start a state "
    "machine that creates one."
)
_PIPELINE = (
    "Run its steps by themselves (with a plain Session in place of a PipelineSession, the SageMaker SDK "
    "starts each job at once), or as a state machine of Step Functions, whose SageMaker tasks run here."
)
_CLUSTER = (
    "Jobs and endpoints run here without a cluster: CreateTrainingJob, CreateProcessingJob, CreateEndpoint."
)
_EDGE = "Nothing is packaged or sent to devices here: copy the training job's model.tar.gz, or do it on AWS."
_MEASURE = (
    "Call an endpoint (InvokeEndpoint) and measure it, or do it on AWS: this machine says little of it."
)
_VARIANT = "Give each model a production variant of an endpoint (CreateEndpointConfig, UpdateEndpoint)."
_OPTIMIZE = "Serve the model as it was trained, or do it on AWS."
_MLFLOW = "Run MLflow itself, or keep results as metrics (MetricDefinitions) or experiments."
_STUDIO = "Run Jupyter or the program on this machine, with the local cloud's environment."
_CUSTOMIZE = "Train with a script or a container of your own (CreateTrainingJob)."
_LABEL = "Label with a tool of your own, and put the labels into S3."
_CAPACITY = "Nothing is reserved here: training jobs start at once."

# What starts work that this cloud does not do, and what to do instead.
INSTEAD: Mapping[str, str] = {
    "AttachClusterNodeNetworkInterface": _CLUSTER,
    "AttachClusterNodeVolume": _CLUSTER,
    "BatchAddClusterNodes": _CLUSTER,
    "BatchRebootClusterNodes": _CLUSTER,
    "BatchReplaceClusterNodes": _CLUSTER,
    "CreateAIBenchmarkJob": _MEASURE,
    "CreateAIRecommendationJob": _MEASURE,
    "CreateAlgorithm": "Give the algorithm's container as TrainingImage (CreateTrainingJob).",
    "CreateApp": _STUDIO,
    "CreateAutoMLJob": _TRAIN,
    "CreateAutoMLJobV2": _TRAIN,
    "CreateCluster": _CLUSTER,
    "CreateClusterExtension": _CLUSTER,
    "CreateCompilationJob": _OPTIMIZE,
    "CreateEdgeDeploymentPlan": _EDGE,
    "CreateEdgeDeploymentStage": _EDGE,
    "CreateEdgePackagingJob": _EDGE,
    "CreateHyperParameterTuningJob": _TRAIN,
    "CreateImageVersion": "Name the image in images.toml; jobs and models then take its URI.",
    "CreateInferenceComponent": _VARIANT,
    "CreateInferenceExperiment": _VARIANT,
    "CreateInferenceRecommendationsJob": _MEASURE,
    "CreateInferenceRouter": _VARIANT,
    "CreateJob": _CUSTOMIZE,
    "CreateLabelingJob": _LABEL,
    "CreateMlflowApp": _MLFLOW,
    "CreateMlflowTrackingServer": _MLFLOW,
    "CreateModelCardExportJob": "Read the card (DescribeModelCard) and write the document yourself.",
    "CreateMonitoringSchedule": _EVALUATE,
    "CreateOptimizationJob": _OPTIMIZE,
    "CreatePartnerApp": _STUDIO,
    "CreateProject": "Deploy its templates as stacks of CloudFormation.",
    "CreateTrainingPlan": _CAPACITY,
    "CreateTrainingSession": _CUSTOMIZE,
    "CreateTransformJob": "Run the prediction as a processing job (CreateProcessingJob), or call an endpoint "
    "for each object (InvokeEndpoint).",
    "ExtendTrainingPlan": _CAPACITY,
    "ImportHubContent": _CUSTOMIZE,
    "RenderUiTemplate": _LABEL,
    "RetryPipelineExecution": _PIPELINE,
    "SendPipelineExecutionStepFailure": _PIPELINE,
    "SendPipelineExecutionStepSuccess": _PIPELINE,
    "StartClusterHealthCheck": _CLUSTER,
    "StartEdgeDeploymentStage": _EDGE,
    "StartInferenceExperiment": _VARIANT,
    "StartMlflowTrackingServer": _MLFLOW,
    "StartMonitoringSchedule": _EVALUATE,
    "StartPipelineExecution": _PIPELINE,
    "StartSession": _STUDIO,
    "UpdateCluster": _CLUSTER,
    "UpdateClusterExtension": _CLUSTER,
    "UpdateClusterSoftware": _CLUSTER,
    "UpdateInferenceComponent": _VARIANT,
    "UpdateInferenceComponentRuntimeConfig": _VARIANT,
    "UpdateInferenceExperiment": _VARIANT,
    "UpdateInferenceRouter": _VARIANT,
    "UpdateMlflowApp": _MLFLOW,
    "UpdateMlflowTrackingServer": _MLFLOW,
    "UpdateMonitoringSchedule": _EVALUATE,
    "UpdatePartnerApp": _STUDIO,
    "UpdateProject": "Update its stacks (CloudFormation).",
    "UpdateTrainingJob": "Debugger, profiler and warm pools do not run here: give the job what it needs when "
    "it is created.",
}

# What writes something down and starts nothing. Whether this cloud keeps it is another question: what moto
# does not have is refused as well.
RECORDS = frozenset(
    {
        "AddAssociation",
        "AssociateTrialComponent",
        "CreateAIWorkloadConfig",
        "CreateAction",
        "CreateAppImageConfig",
        "CreateArtifact",
        "CreateClusterSchedulerConfig",
        "CreateCodeRepository",
        "CreateComputeQuota",
        "CreateContext",
        "CreateDataQualityJobDefinition",
        "CreateDeviceFleet",
        "CreateDomain",
        "CreateExperiment",
        "CreateFeatureGroup",
        "CreateFlowDefinition",
        "CreateHub",
        "CreateHubContentPresignedUrls",
        "CreateHubContentReference",
        "CreateHumanTaskUi",
        "CreateImage",
        "CreateModelBiasJobDefinition",
        "CreateModelCard",
        "CreateModelExplainabilityJobDefinition",
        "CreateModelQualityJobDefinition",
        "CreateNotebookInstance",
        "CreateNotebookInstanceLifecycleConfig",
        "CreatePartnerAppPresignedUrl",
        "CreatePipeline",
        "CreatePresignedDomainUrl",
        "CreatePresignedMlflowAppUrl",
        "CreatePresignedMlflowTrackingServerUrl",
        "CreatePresignedNotebookInstanceUrl",
        "CreateSpace",
        "CreateStudioLifecycleConfig",
        "CreateTrial",
        "CreateTrialComponent",
        "CreateUserProfile",
        "CreateWorkforce",
        "CreateWorkteam",
        "EnableSagemakerServicecatalogPortfolio",
        "PutEndpointPolicy",
        "RegisterDevices",
        "StartNotebookInstance",
        "UpdateAction",
        "UpdateAppImageConfig",
        "UpdateArtifact",
        "UpdateClusterSchedulerConfig",
        "UpdateCodeRepository",
        "UpdateComputeQuota",
        "UpdateContext",
        "UpdateDeviceFleet",
        "UpdateDevices",
        "UpdateDomain",
        "UpdateExperiment",
        "UpdateFeatureGroup",
        "UpdateFeatureMetadata",
        "UpdateHub",
        "UpdateHubContent",
        "UpdateHubContentReference",
        "UpdateImage",
        "UpdateImageVersion",
        "UpdateModelCard",
        "UpdateMonitoringAlert",
        "UpdateNotebookInstance",
        "UpdateNotebookInstanceLifecycleConfig",
        "UpdatePipeline",
        "UpdatePipelineExecution",
        "UpdatePipelineVersion",
        "UpdateSpace",
        "UpdateTrial",
        "UpdateTrialComponent",
        "UpdateUserProfile",
        "UpdateWorkforce",
        "UpdateWorkteam",
    }
)


def may_start_work(operation: str) -> bool:
    """By its verb: what neither looks at something nor ends it."""
    return not operation.startswith(_LOOKING + _ENDING)


def unclassified(operations: Iterable[str], executed: Collection[str]) -> list[str]:
    """What may start work, and of which nobody has said whether it does."""
    known = {*executed, *INSTEAD, *RECORDS}
    return sorted(name for name in operations if may_start_work(name) and name not in known)


def refusals(operations: Iterable[str], executed: Collection[str]) -> dict[str, str]:
    """What is refused here whoever could record it: each operation with what to do instead, which is nothing
    to name for one that nobody has classified."""
    unknown = unclassified(operations, executed)
    return {**INSTEAD, **dict.fromkeys(unknown, "")}
