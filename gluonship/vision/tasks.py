"""The five vision tasks as data: what each takes, what it gives, and what it is measured by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """`takes` and `gives` are sentences for people; `schema` is the JSON schema name of a prediction;
    `measure` is the headline metric; `supported` tells whether this version has the parts for it."""

    name: str
    takes: str
    gives: str
    schema: str
    measure: str
    supported: bool


CLASSIFICATION = Task(
    name="classification",
    takes="one image",
    gives="a probability for each class",
    schema="gluonship.classification/1",
    measure="accuracy",
    supported=True,
)
DETECTION = Task(
    name="detection",
    takes="one image",
    gives="boxes in absolute pixels (x1, y1, x2, y2) of the original image, each with a class and a score",
    schema="gluonship.detections/1",
    measure="COCO mAP",
    supported=False,
)
SEGMENTATION = Task(
    name="segmentation",
    takes="one image",
    gives="a class for each pixel of the original image",
    schema="gluonship.segmentation/1",
    measure="mean IoU",
    supported=False,
)
INSTANCES = Task(
    name="instances",
    takes="one image",
    gives="boxes as in detection, each with a mask",
    schema="gluonship.instances/1",
    measure="COCO mask mAP",
    supported=False,
)
POSE = Task(
    name="pose",
    takes="one image",
    gives="people, each with named joints in absolute pixels and a score",
    schema="gluonship.poses/1",
    measure="OKS AP",
    supported=False,
)

TASKS: dict[str, Task] = {
    task.name: task for task in (CLASSIFICATION, DETECTION, SEGMENTATION, INSTANCES, POSE)
}
