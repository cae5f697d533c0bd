"""An artifact laid out, verified, damaged in every way, and read by MXNet and by Neo's rule."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import pytest
from vision_pictures import encoded, scene

from gluonship.vision.artifacts import (
    MANIFEST,
    ArtifactError,
    Golden,
    Manifest,
    extract,
    neo_violations,
    pack,
    seal,
    verify,
    write,
)
from gluonship.vision.artifacts.network import parameter_names
from gluonship.vision.images import Preprocessing, decode
from gluonship.vision.predictions import classification, difference, softmax

CLASSES = ["cat", "dog", "emu"]
PREPROCESSING = Preprocessing(32, 32)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with batch norm, exported by GluonCV's way: HybridBlock.export."""
    folder = tmp_path_factory.mktemp("exported")
    mx.random.seed(1)
    layers = mx.gluon.nn
    network = layers.HybridSequential()
    network.add(layers.Conv2D(4, 3), layers.BatchNorm(), layers.GlobalAvgPool2D(), layers.Flatten())
    network.add(layers.Dense(len(CLASSES)))
    network.initialize(mx.init.Xavier())
    network.hybridize()
    network(mx.nd.zeros((1, 3, 32, 32)))
    network.export(str(folder / "net"))
    network.save_parameters(str(folder / "bare.params"))
    return folder


def predict(folder: Path, image: bytes) -> Any:
    """What the artifact's network says, run by MXNet from the files alone."""
    manifest = Manifest.load(folder)
    network = mx.gluon.SymbolBlock.imports(
        str(folder / "model-symbol.json"), [manifest.input_name], str(folder / "model-0000.params")
    )
    tensor = manifest.preprocessing.tensor(decode(image))
    logits = network(mx.nd.array(tensor[None])).asnumpy()[0]
    return classification(softmax(logits), manifest.classes, top=None)


@pytest.fixture
def write_artifact(exported: Path, tmp_path: Path) -> Callable[..., Path]:
    def make(name: str = "model", **changes: Any) -> Path:
        folder = tmp_path / name
        fields: dict[str, Any] = {
            "task": "classification",
            "network": "gluonship_small",
            "classes": CLASSES,
            "preprocessing": PREPROCESSING,
            "symbol": exported / "net-symbol.json",
            "params": exported / "net-0000.params",
            **changes,
        }
        write(folder, **fields)
        return folder

    return make


@pytest.fixture
def artifact(write_artifact: Callable[..., Path], tmp_path: Path) -> Path:
    """A complete artifact: golden sample from a JPEG, and code."""
    code = tmp_path / "serving_code"
    (code / "package" / "__pycache__").mkdir(parents=True)
    (code / "inference.py").write_text("def model_fn(model_dir): ...\n")
    (code / "package" / "__init__.py").write_text("")
    (code / "package" / "__pycache__" / "x.cpython-38.pyc").write_bytes(b"x")
    image = encoded(scene(50, 60), "JPEG")
    plain = write_artifact("plain")
    return write_artifact(
        golden_image=image,
        golden_prediction=predict(plain, image),
        code=code,
        metrics={"validation:accuracy": 0.9},
        dataset={"digest": "d" * 64, "samples": 12},
        versions={"mxnet": mx.__version__},
    )


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_layout(artifact: Path) -> None:
    assert files_of(artifact) == {
        "code/inference.py",
        "code/package/__init__.py",
        "golden/image.png",
        "golden/prediction",
        "gluonship.manifest",
        "model-0000.params",
        "model-symbol.json",
    }
    manifest = verify(artifact)
    assert set(manifest.files) == files_of(artifact) - {MANIFEST}
    assert manifest == Manifest.load(artifact)
    assert manifest.schema == "gluonship.manifest/1"
    assert (manifest.classes, manifest.preprocessing) == (CLASSES, PREPROCESSING)
    assert manifest.postprocessing == {"activation": "softmax", "top": 3}
    assert manifest.golden == Golden("golden/image.png", "golden/prediction", 1e-4)


def test_the_golden_sample_holds_after_a_journey_as_tar(artifact: Path, tmp_path: Path) -> None:
    extract(pack(artifact, tmp_path / "model.tar.gz"), tmp_path / "served")
    manifest = verify(tmp_path / "served")
    assert manifest.golden is not None
    image, expected = manifest.golden.read(tmp_path / "served")
    assert difference(expected, predict(tmp_path / "served", image)) < 1e-6


def test_a_golden_jpeg_is_kept_as_the_pixels_it_decodes_to(artifact: Path) -> None:
    stored = (artifact / "golden/image.png").read_bytes()
    assert stored.startswith(b"\x89PNG")
    assert np.array_equal(decode(stored), decode(encoded(scene(50, 60), "JPEG")))


# --- Neo ----------------------------------------------------------------------------------------------------


def load_as_neo_does(folder: Path) -> tuple[Any, dict[str, Any]]:
    """What AWS's NeoCompilerModelLoaders 1.0.1 (mxnet_model_loader.py) does with the extracted files, up to
    its call of TVM: every .json but the auxiliary ones is a symbol, of which there must be one; .params files
    need its prefix; keys begin with arg: or aux:."""
    auxiliary = {
        "model-shapes.json", "hyperparams.json", "amba_config.json", "model-metadata.json"
    }  # fmt: skip
    files = [path for path in folder.rglob("*") if path.is_file()]
    symbols = [path for path in files if path.suffix == ".json" and path.name not in auxiliary]
    assert len(symbols) == 1, "Only one symbol file is allowed for MXNet model"
    prefix = symbols[0].name.replace("-symbol.json", "")
    params = [path for path in files if path.suffix == ".params" and path.name.startswith(prefix)]
    assert len(params) == 1, "No (or more than one) parameter file found for MXNet model"
    saved = mx.nd.load(str(params[0]))
    for key in saved:
        assert key.startswith(("arg:", "aux:")), "Please use HybridBlock.export()"
    return mx.sym.load(str(symbols[0])), {key.split(":", 1)[1]: value for key, value in saved.items()}


def test_neo_loads_the_artifact(artifact: Path) -> None:
    (artifact / "model-shapes.json").write_text(json.dumps([{"name": "data", "shape": [1, 3, 32, 32]}]))
    seal(artifact)
    verify(artifact)
    symbol, saved = load_as_neo_does(artifact)
    assert set(symbol.list_inputs()) == {"data", *saved}


GOOD = ["model-symbol.json", "model-0000.params", MANIFEST, "golden/prediction", "code/inference.py"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code/settings.json"}, "code/settings.json would be taken for a model"),
        ({"a/b/c/deep.json"}, "a/b/c/deep.json"),
        ({"code/old.params"}, "code/old.params"),
        ({"code/model-symbol.json"}, "code/model-symbol.json"),
        ({"other-symbol.json"}, "more than one *-symbol.json"),
        ({"model-0010.params"}, "model-0010.params"),
        ({"other-0000.params"}, "more than one *-0000.params"),
        ({"hyperparams.json"}, "hyperparams.json"),
    ],
)
def test_other_json_and_params_files_violate_neos_rule(change: set[str], words: str) -> None:
    assert neo_violations([*GOOD, "model-shapes.json", "code/model-shapes.json"]) == []
    violations = neo_violations([*GOOD, *change])
    assert any(words in violation for violation in violations)


@pytest.mark.parametrize("missing", GOOD[:2])
def test_a_missing_part_violates_neos_rule(missing: str) -> None:
    assert neo_violations([name for name in GOOD if name != missing])[0].startswith("there is no *-")


def test_different_prefixes_violate_neos_rule() -> None:
    assert "different prefixes" in neo_violations(["a-symbol.json", "b-0000.params"])[0]


def test_code_with_a_json_file_is_refused_at_writing(
    write_artifact: Callable[..., Path], tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "labels.json").write_text("[]")
    with pytest.raises(ArtifactError, match=r"code/labels\.json would be taken for a model"):
        write_artifact(code=code)
    assert not (tmp_path / "model" / MANIFEST).exists()


# --- writing ------------------------------------------------------------------------------------------------


def test_writing_again_replaces(artifact: Path, write_artifact: Callable[..., Path], exported: Path) -> None:
    (artifact / ".model-0000.params.77.unfinished").write_bytes(b"left by a killed process")
    again = write_artifact(symbol=artifact / "model-symbol.json", params=artifact / "model-0000.params")
    assert again == artifact
    assert verify(artifact).golden is None
    assert ".model-0000.params.77.unfinished" not in files_of(artifact)
    assert (artifact / "model-0000.params").read_bytes() == (exported / "net-0000.params").read_bytes()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": ["cat"]}, "at least two classes"),
        ({"classes": []}, "at least two classes"),
        ({"classes": ["cat", "dog", "cat"]}, "'cat' is listed twice"),
        ({"classes": ["cat", "Cat", "dog"]}, "differ only by case"),
        ({"classes": ["cat", ""]}, "printable"),
        ({"classes": ["cat", "do\ng"]}, "printable"),
        ({"task": "telepathy"}, "'task' must be one of classification"),
        ({"network": ""}, "'network'"),
        ({"input_name": "image"}, "no input 'image'; its inputs are data"),
        ({"postprocessing": {"activation": "relu", "top": 5}}, "postprocessing.activation"),
        ({"postprocessing": {"activation": "softmax", "top": 0}}, "postprocessing.top"),
        ({"metrics": {"accuracy": float("nan")}}, "finite JSON"),
        ({"metrics": {"accuracy": object()}}, "plain, finite JSON"),
        ({"golden_image": b"x"}, "give both or neither"),
        ({"symbol": Path("/nowhere/net-symbol.json")}, "HybridBlock.export"),
        ({"code": Path("/nowhere/code")}, "not a folder"),
    ],
)
def test_wrong_fields_are_named(
    write_artifact: Callable[..., Path], tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ArtifactError, match=words):
        write_artifact(**changes)
    assert not (tmp_path / "model" / MANIFEST).exists()


def test_save_parameters_is_not_export(write_artifact: Callable[..., Path], exported: Path) -> None:
    with pytest.raises(ArtifactError, match=r"'0\.weight' without 'arg:' or 'aux:'.*HybridBlock\.export"):
        write_artifact(params=exported / "bare.params")


def test_the_parameters_of_another_network_are_refused(
    write_artifact: Callable[..., Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.params"
    mx.nd.save(str(other), {"arg:stranger_weight": mx.nd.zeros((2, 2))})
    with pytest.raises(ArtifactError, match=r"stranger_weight, which .* does not use"):
        write_artifact(params=other)


def test_parameter_names_of_all_types(tmp_path: Path) -> None:
    types = ("float16", "float32", "float64", "int8", "int32", "int64", "uint8")
    arrays = {f"arg:{name}": mx.nd.ones((3, 1, 5), dtype=name) for name in types}
    mx.nd.save(str(tmp_path / "x.params"), arrays)
    assert parameter_names(tmp_path / "x.params") == list(arrays)


def test_damaged_networks_are_named(
    write_artifact: Callable[..., Path], exported: Path, tmp_path: Path
) -> None:
    whole = (exported / "net-0000.params").read_bytes()
    broken = tmp_path / "broken.params"
    for cut in (0, 10, 30, len(whole) // 2, len(whole) - 1):
        broken.write_bytes(whole[:cut])
        with pytest.raises(ArtifactError, match=r"model-0000\.params is not an MXNet parameter file"):
            write_artifact(params=broken)
    for text in ("", "{}", "[1]", '{"nodes": [1]}'):
        broken.write_text(text)
        with pytest.raises(ArtifactError, match=r"model-symbol\.json is not an MXNet symbol"):
            write_artifact(symbol=broken)


# --- verifying ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model-0000.params", "golden/prediction", "code/inference.py"])
def test_every_changed_or_missing_file_is_found(artifact: Path, name: str) -> None:
    data = bytearray((artifact / name).read_bytes())
    data[len(data) // 2] ^= 1
    (artifact / name).write_bytes(data)
    with pytest.raises(ArtifactError, match=rf"{name} is not what the manifest says .*artifacts\.seal"):
        verify(artifact)
    (artifact / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing: fetch"):
        verify(artifact)


def test_a_file_more_is_found_but_bytecode_is_not_minded(artifact: Path) -> None:
    (artifact / "code" / "__pycache__").mkdir()
    (artifact / "code" / "__pycache__" / "inference.cpython-38.pyc").write_bytes(b"x")
    verify(artifact)
    (artifact / "code" / "more.py").write_text("")
    with pytest.raises(ArtifactError, match=r"code/more\.py is not listed"):
        verify(artifact)


def test_sealing_accepts_changes_on_purpose(artifact: Path) -> None:
    (artifact / "code" / "inference.py").write_text("# another\n")
    (artifact / "code" / "more.py").write_text("")
    seal(artifact)
    assert "code/more.py" in verify(artifact).files


def test_links_and_pipes_are_refused(artifact: Path) -> None:
    link = artifact / "code" / "link.py"
    link.symlink_to("/etc/passwd")
    with pytest.raises(ArtifactError, match="link"):
        verify(artifact)
    with pytest.raises(ArtifactError, match="link"):
        pack(artifact, artifact.parent / "x.tar.gz")
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(ArtifactError, match="special file"):
        verify(artifact)


def test_a_folder_without_a_manifest_is_explained(tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"has no gluonship\.manifest: it is not an artifact of GluonShip"
    ):
        verify(tmp_path)


def rewrite(folder: Path, **changes: Any) -> None:
    values = json.loads((folder / MANIFEST).read_text())
    values.update(changes)
    (folder / MANIFEST).write_text(
        json.dumps({key: value for key, value in values.items() if value != "gone"})
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"schema": "gluonship.manifest/2"},
            "schema is gluonship.manifest/2, this GluonShip reads .*/1: use",
        ),
        ({"schema": "other"}, "not a GluonShip manifest"),
        ({"schema": "gone"}, "not a GluonShip manifest"),
        ({"classes": "gone"}, "'classes' is missing"),
        ({"classes": ["a", "a"]}, "listed twice"),
        ({"classes": "cat,dog"}, "'classes' must be a list"),
        ({"preprocessing": {"height": 32}}, "preprocessing: key 'width' is missing"),
        ({"preprocessing": 3}, "preprocessing"),
        ({"preprocessing": {"height": 32, "width": 32, "blur": 3}}, "unknown key 'blur'"),
        ({"files": {"../../etc/passwd": "0" * 64}}, "a path inside the artifact"),
        ({"files": {"/etc/passwd": "0" * 64}}, "a path inside the artifact"),
        ({"files": {"model-symbol.json": "abc"}}, "64 hexadecimal"),
        ({"files": []}, "'files' must be an object"),
        ({"golden": {"image": "../x"}}, "golden.image"),
        ({"golden": {"tolerance": 0}}, "golden.tolerance"),
        ({"golden": "yes"}, "'golden'"),
        ({"postprocessing": {}}, "postprocessing.activation"),
    ],
)
def test_a_wrong_manifest_is_named(artifact: Path, changes: dict[str, Any], words: str) -> None:
    rewrite(artifact, **changes)
    with pytest.raises(ArtifactError, match=f"gluonship.manifest: .*{words}"):
        Manifest.load(artifact)


def test_additions_of_a_later_version_are_kept(artifact: Path) -> None:
    rewrite(artifact, engines={"onnx": "model.onnx"})
    manifest = seal(artifact)
    assert manifest.extra == {"engines": {"onnx": "model.onnx"}}
    assert Manifest.load(artifact) == manifest


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"[" * 100_000])
def test_a_manifest_that_is_no_json_object_is_named(artifact: Path, content: bytes) -> None:
    (artifact / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"gluonship\.manifest"):
        Manifest.load(artifact)


def test_a_broken_golden_prediction_is_named(artifact: Path) -> None:
    (artifact / "golden/prediction").write_text("{}")
    with pytest.raises(ArtifactError, match=r"golden sample in .* cannot be read"):
        Golden().read(artifact)


def test_a_manifest_that_names_a_missing_golden_sample_is_refused(artifact: Path) -> None:
    shutil.rmtree(artifact / "golden")
    with pytest.raises(ArtifactError, match=r"golden/image\.png is missing"):
        seal(artifact)
