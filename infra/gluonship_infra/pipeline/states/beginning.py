"""The run's name, its input understood or refused, and its data found."""

from __future__ import annotations

import json

from gluonship_infra.pipeline.asl import States, assign, choice, expression, literal, refuse, task
from gluonship_infra.pipeline.names import run_name_expression
from gluonship_infra.pipeline.parameters import Parameters
from gluonship_infra.pipeline.settings import HYPERPARAMETERS

FIRST = "Begin"
MARKER = "_READY"
_PREFIXES = ("train", "validation", "test")
_INPUTS = ("dataset", *_PREFIXES, "hyperparameters")
# JSONata: of what a model package's metadata takes, what a key may be made of.
_PREFIX = r"/^[A-Za-z0-9_.=+@: -][A-Za-z0-9_.=+@:\/ -]*$/"
_NO_PREFIX = r"/^s3:/"


def states(parameters: Parameters, then: str) -> States:
    """Sets `$run`, `$dataset`, `$given` (prefixes of the input), `$hyperparameters` and `$channels` (each of
    train, validation and test that there is, to its prefix)."""
    bucket = parameters.data_bucket
    return {
        FIRST: assign(
            {
                "run": expression(run_name_expression(parameters.stem)),
                "attempt": 1,
                "evaluation": 1,
                "looks": 0,
                "compiled": False,
                "prepared": False,
                "deploying": False,
                "created": False,
                "package": "",
                "missingAlarms": [],
                "started": expression("$states.context.Execution.StartTime"),
                "problem": expression(_problem(bucket)),
            },
            then="InputUnderstood",
            comment="One name for all that this run makes; no two runs share it.",
        ),
        "InputUnderstood": choice(("$problem != ''", "InputRefused"), default="ReadInput"),
        "InputRefused": refuse("Input.Refused", "$problem"),
        "ReadInput": assign(
            {
                "dataset": expression(_dataset(parameters.settings.dataset)),
                "given": expression(_given()),
                "hyperparameters": expression(_hyperparameters(parameters)),
            },
            then="LookAtData",
        ),
        "LookAtData": task(
            "aws-sdk:s3:listObjectsV2",
            {"Bucket": bucket, "Prefix": expression("$dataset & '/'"), "Delimiter": "/"},
            assign={"channels": expression(_channels())},
            then="DataFound",
            comment="Missing data is said here, before a job is paid for.",
        ),
        "DataFound": choice(
            ("$exists($channels.train) and $exists($channels.test)", then), default="DataMissing"
        ),
        "DataMissing": refuse(
            "Data.Missing",
            "'There is no ' & $join(['train', 'test'][$not($exists($lookup($channels, $)))], '/ and no ') & "
            f"'/ under s3://{bucket}/' & $dataset & '/: a data set is a folder with train/, test/ and, if "
            "you like, validation/, each an image folder or RecordIO with classes.txt.'",
        ),
    }


def _problem(bucket: str) -> str:
    """JSONata: what is wrong with the input, in words, or ''."""
    inputs, prefixes = json.dumps([*_INPUTS, "ready"]), json.dumps(["dataset", *_PREFIXES])
    known = json.dumps(HYPERPARAMETERS)
    return f"""(
  $input := $states.input;
  $object := $type($input) = 'object';
  $unknown := $object ? $keys($input)[$not($ in {inputs})] : [];
  $named := $object ? {prefixes}[$exists($lookup($input, $))] : [];
  $isPrefix := function($value) {{ $type($value) = 'string' and $contains($value, {_PREFIX})
    and $not($contains($value, {_NO_PREFIX})) }};
  $wrong := $named[$not($isPrefix($lookup($input, $)))];
  $values := $object ? $input.hyperparameters : {{}};
  $strange := $type($values) = 'object' ? $keys($values)[$not($ in {known})] : [];
  $join([
    $object ? '' : 'The input must be a JSON object, such as {{}}. ',
    $count($unknown) > 0 ? 'Not an input: ' & $join($unknown, ', ')
      & '. Allowed are {", ".join(_INPUTS)}. ' : '',
    $count($wrong) > 0 ? $join($wrong, ', ') & ' must be a key prefix in the bucket {bucket}, such as '
      & 'datasets/current, without s3:// and without a slash in front, of letters, digits, spaces and '
      & '_.=+@:/-. ' : '',
    $exists($values) and $type($values) != 'object' ? 'hyperparameters must map names to values. ' : '',
    $count($strange) > 0 ? 'Not a hyperparameter that can be set: ' & $join($strange, ', ')
      & '. Allowed are {", ".join(HYPERPARAMETERS)}. ' : ''
  ])
)"""


def _dataset(default: str) -> str:
    """JSONata: the data set's prefix, no slash at its end: the marker's folder, the input's, or `default`."""
    return (
        "$replace($exists($states.input.ready) ? $replace($states.input.ready, /[^\\/]*$/, '') : "
        f"$exists($states.input.dataset) ? $states.input.dataset : {literal(default)}, /\\/+$/, '')"
    )


def _given() -> str:
    """JSONata: the channels that the input names, each prefix with a slash at its end."""
    return (
        "$merge([{}, $map("
        + json.dumps(_PREFIXES)
        + "[$exists($lookup($states.input, $))], function($name) {"
        "{$name: $replace($lookup($states.input, $name), /\\/+$/, '') & '/'}})])"
    )


def _hyperparameters(parameters: Parameters) -> str:
    """JSONata: the settings' and over them the input's, each as the JSON that SageMaker's toolkit reads."""
    settings = {key: json.dumps(value) for key, value in parameters.settings.all_hyperparameters().items()}
    given = "$states.input.hyperparameters"
    texts = f"$merge($each({given}, function($value, $name) {{{{$name: $string($value)}}}}))"
    return f"$merge([{json.dumps(settings)}, $exists({given}) ? {texts} : {{}}])"


def _channels() -> str:
    """JSONata: what lies in the data set's folder, and over it what the input names."""
    return (
        "($found := $states.result.CommonPrefixes.Prefix; "
        "$merge([{}, $map("
        + json.dumps(_PREFIXES)
        + "[($dataset & '/' & $ & '/') in $found], function($name) {"
        "{$name: $dataset & '/' & $name & '/'}}), $given]))"
    )
