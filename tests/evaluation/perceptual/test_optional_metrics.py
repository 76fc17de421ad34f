"""Optional metrics on cases whose answer is known, without any published weights."""

import math

import numpy as np
import pytest
import torch
from skimage.filters import gaussian
from small_stores import make_stores

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.comparison import compare_methods
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.perceptual import networks
from sen2naip_sr.evaluation.perceptual.asked import Asked
from sen2naip_sr.evaluation.perceptual.parameters import PerceptualMetricsParameters
from sen2naip_sr.evaluation.perceptual.weights import MissingError, locate_weights
from sen2naip_sr.evaluation.scoring import score_methods
from sen2naip_sr.metrics.catalogue import COMPUTED, METRICS, OPTIONAL
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.models.vgg16 import shapes

NOISES = (0, 4, 8, 16, 32)
OF_CHIPS = ("lpips", "flip", "gmsd")


def ground(side=96, bands=4):
    """Return smooth noise with some structure, (1, bands, side, side), 0 to 255."""
    random = np.random.default_rng(3)
    images = [gaussian(random.normal(size=(side, side)), 2) for _ in range(bands)]
    return torch.from_numpy(128 + 400 * np.stack(images))[None].clamp(0, 255)


def noisy(image, level, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(image.shape, generator=generator, dtype=image.dtype)
    return (image + level * noise).clamp(0, 255)


@pytest.fixture(scope="module")
def alexnet_file(tmp_path_factory):
    """Weights of AlexNet's shapes, random: LPIPS's properties do not depend on the training."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for n, (outputs, inputs, kernel) in networks.ALEXNET.items():
        shape = (outputs, inputs, kernel, kernel)
        spread = math.sqrt(2 / (inputs * kernel**2))
        state[f"features.{n}.weight"] = spread * torch.randn(shape, generator=generator)
        state[f"features.{n}.bias"] = torch.zeros(outputs)
    path = tmp_path_factory.mktemp("alexnet") / "alexnet.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def asked(alexnet_file):
    chosen = {"metrics": list(OF_CHIPS), "alexnet": {"weights": str(alexnet_file)}}
    return Asked(PerceptualMetricsParameters.model_validate(chosen))


def scored(prediction, truth, asked, **changes):
    options = {"data_range": 255.0, "only": asked.keys, "extractors": asked.extractors} | changes
    return {
        key: float(values[0]) for key, values in score(prediction, truth, **options).chip.items()
    }


@pytest.mark.parametrize("key", OF_CHIPS)
def test_equal_images_have_no_distance_and_more_noise_has_more(key, asked):
    truth = ground()
    found = [scored(noisy(truth, level), truth, asked)[key] for level in NOISES]
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found == sorted(found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("key", OF_CHIPS)
def test_the_unit_of_the_numbers_does_not_matter(key, asked):
    truth, other = ground(), noisy(ground(), 8)
    plain = scored(other, truth, asked)[key]
    shifted = scored(other * 10 + 1000, truth * 10 + 1000, asked, data_range=2550.0, low=1000.0)
    assert shifted[key] == pytest.approx(plain, rel=1e-4)


def test_lpips_is_symmetric_and_needs_three_bands_and_64_pixels(asked):
    truth, other = ground(), noisy(ground(), 8)
    there, back = scored(other, truth, asked), scored(truth, other, asked)
    assert there["lpips"] == pytest.approx(back["lpips"], rel=1e-5)
    assert math.isnan(scored(other[:, :2], truth[:, :2], asked)["lpips"])
    assert math.isnan(scored(other[..., :48, :48], truth[..., :48, :48], asked)["lpips"])


def test_flip_sees_colours_only_and_is_what_its_package_says(asked):
    flip = pytest.importorskip("flip_evaluator")
    truth, other = ground(), noisy(ground(), 8)
    found = scored(other, truth, asked, shave=0)["flip"]
    pictures = [(i[0, :3] / 255).permute(1, 2, 0).float().numpy() for i in (truth, other)]
    assert found == pytest.approx(flip.evaluate(*pictures, "LDR")[1], rel=1e-6)
    infrared = truth.clone()
    infrared[:, 3] = 0
    assert scored(infrared, truth, asked)["flip"] == 0


def test_gmsd_is_that_of_the_paper(asked):
    """A plain transcription, pixel by pixel."""
    truth, other = ground(32), noisy(ground(32), 8)
    found = scored(other, truth, asked, shave=0)["gmsd"]
    means = []
    for band in range(4):
        maps = []
        for image in (other, truth):
            small = image[0, band].numpy()
            across = (small[:, :-2] - small[:, 2:]) / 3
            across = across[:-2] + across[1:-1] + across[2:]
            down = (small[:-2] - small[2:]) / 3
            down = down[:, :-2] + down[:, 1:-1] + down[:, 2:]
            maps.append(np.hypot(across, down))
        means.append(np.std((2 * maps[0] * maps[1] + 170) / (maps[0] ** 2 + maps[1] ** 2 + 170)))
    assert found == pytest.approx(np.mean(means), rel=1e-9)


def test_optional_metrics_stay_out_of_what_is_always_computed():
    assert set(OPTIONAL) == {
        *OF_CHIPS, "fid", "kid", "inception_score", "fd_vgg16", "kd_encoder"
    }  # fmt: skip
    assert not set(OPTIONAL) & set(COMPUTED)
    truth = ground(32)
    assert set(score(truth, truth, data_range=255.0).chip) == set(COMPUTED)
    of_sets = [metric for metric in METRICS.values() if metric.of_set]
    assert all(m.optional and m.needs and not m.computed for m in of_sets)
    # only features of Inception v3 may be called by the published names
    named = {m.title for m in of_sets if m.needs.startswith("inception")}
    assert named == {"FID", "KID", "IS"}
    assert all("(" in m.title for m in of_sets if m.title not in named)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    chips = np.stack([ground(64)[0].numpy() + 4 * i for i in range(6)]).clip(0, 255)
    return make_stores(tmp_path_factory.mktemp("stores"), chips.astype(np.uint8))


def evaluated(stores, **chosen):
    parameters = EvaluationParameters(accelerator="cpu", perceptual=chosen)
    asked = Asked(parameters.perceptual)
    methods = [m for m in interpolations(4) if m.name in ("nearest", "bicubic")]
    scores = score_methods(methods, *stores, parameters, asked)
    return scores, asked.table([m.name for m in methods], scores)


def test_an_evaluation_has_them_in_scores_table_and_comparison(stores):
    scores, table = evaluated(stores, metrics=["gmsd", "kd_encoder", "lpips"])
    joint = scores[scores["band"] == "all"]
    assert joint["gmsd"].notna().all()
    assert joint["lpips"].isna().all()
    assert "kd_encoder" not in scores
    found = table.set_index(["method", "metric"])
    means = joint.groupby("method")["gmsd"].mean()
    assert found.loc[("bicubic", "gmsd"), "value"] == pytest.approx(means["bicubic"])
    assert np.isfinite(found.loc[("nearest", "kd_encoder"), "value"])
    assert found.loc[("nearest", "kd_encoder"), "samples"] == 4
    assert (found["chips"] == 4).all()
    assert (found.xs("gmsd", level="metric")["seconds"] > 0).all()
    comparison = compare_methods(scores, 100, 0, table).set_index("method")
    assert comparison.loc["bicubic", "gmsd"] == found.loc[("bicubic", "gmsd"), "value"]
    assert comparison.loc["nearest", "kd_encoder"] == found.loc[("nearest", "kd_encoder"), "value"]
    assert comparison.loc["bicubic", "gmsd"] < comparison.loc["nearest", "gmsd"]
    assert comparison["lpips"].isna().all()
    assert "no weights of AlexNet" in found.loc[("bicubic", "lpips"), "reason"]


def test_nothing_changes_where_none_is_asked_for(stores):
    scores, table = evaluated(stores)
    assert table.empty
    assert not set(OPTIONAL) & set(scores)
    pd_columns = compare_methods(scores, 100, 0).columns
    assert list(compare_methods(scores, 100, 0, table).columns) == list(pd_columns)


@pytest.mark.parametrize(
    ("metric", "given", "reason"),
    [
        ("lpips", {}, "no weights of AlexNet are given"),
        ("lpips", {"alexnet": {"weights": "/none.pth"}}, "there is no file /none.pth"),
        ("fd_vgg16", {}, "no weights of VGG16 are given"),
        ("fid", {}, "no weights of Inception v3 are given"),
        (
            "lpips",
            {"alexnet": {"weights": "https://127.0.0.1:9/x.pth", "sha256": 64 * "0"}},
            "could not be fetched",
        ),
    ],
)
def test_what_is_missing_leaves_a_value_empty_and_says_why(metric, given, reason, caplog):
    asked = Asked(PerceptualMetricsParameters.model_validate({"metrics": [metric], **given}))
    assert asked.extractors == {}
    assert reason in asked.reasons[metric]
    assert METRICS[metric].title in caplog.text


def test_inception_without_its_packages_is_missing_too(tmp_path):
    if networks.importlib.util.find_spec("torch_fidelity"):
        pytest.skip("torch-fidelity is installed")
    path = tmp_path / "inception.pth"
    torch.save({}, path)
    given = {"metrics": ["fid"], "inception": {"weights": str(path)}}
    asked = Asked(PerceptualMetricsParameters.model_validate(given))
    assert "torch-fidelity" in asked.reasons["fid"]


def test_weights_are_checked(alexnet_file, tmp_path):
    parameters = PerceptualMetricsParameters().alexnet
    with pytest.raises(UserError, match="not the one that is given"):
        given = parameters.model_copy(update={"weights": str(alexnet_file), "sha256": 64 * "0"})
        locate_weights("AlexNet", given)
    with pytest.raises(UserError, match="need https and a SHA-256"):
        locate_weights("AlexNet", parameters.model_copy(update={"weights": "http://a/b.pth"}))
    with pytest.raises(MissingError):
        locate_weights("AlexNet", parameters)
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be read as the weights of AlexNet"):
        Asked(
            PerceptualMetricsParameters.model_validate(
                {"metrics": ["lpips"], "alexnet": {"weights": str(damaged)}}
            )
        )


def test_vgg16_gives_512_features_a_patch(tmp_path):
    generator = torch.Generator().manual_seed(0)
    state = {
        f"features.{name}": 0.02 * torch.randn(shape, generator=generator)
        for name, shape in shapes(5).items()
    }
    path = tmp_path / "vgg16.pth"
    torch.save(state, path)
    given = {"metrics": ["fd_vgg16"], "vgg16": {"weights": str(path)}}
    asked = Asked(PerceptualMetricsParameters.model_validate(given))
    truth = ground(104)
    found = score(truth, truth, data_range=255.0, only=asked.keys, extractors=asked.extractors)
    (kept,) = found.gathered["fd_vgg16"]
    assert kept.shape == (2, 1, 512)
    assert torch.equal(kept[0], kept[1])


def test_imagery_of_other_bands_has_no_distance_of_the_encoder_and_says_so(stores, tmp_path):
    hr, _, _ = stores
    three = make_stores(tmp_path, np.asarray(hr.chips)[:, :3])
    parameters = EvaluationParameters(accelerator="cpu", perceptual={"metrics": ["kd_encoder"]})
    asked = Asked(parameters.perceptual)
    methods = [m for m in interpolations(3) if m.name == "bicubic"]
    scores = score_methods(methods, *three, parameters, asked)
    (row,) = asked.table(["bicubic"], scores).to_dict("records")
    assert math.isnan(row["value"])
    assert "these bands" in row["reason"]


def test_the_features_of_a_truth_are_computed_once_for_all_methods(monkeypatch):
    asked = Asked(PerceptualMetricsParameters.model_validate({"metrics": ["kd_encoder"]}))
    (extract,) = asked.extractors.values()
    truths = [ground(64)[0], ground(64)[0].flip(1)]
    images = [[noisy(truth, level) for level in (2, 4)] for truth in truths]
    computed = []
    plain = torch.nn.Conv2d.forward

    def counted(layer, inputs):
        if layer.in_channels == 4:
            computed.append(float(inputs.sum()))
        return plain(layer, inputs)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", counted)
    for truth, predictions in zip(truths, images, strict=True):
        found = [
            (extract(one[None].float() / 255), extract(truth[None].float() / 255))
            for one in predictions
        ]
        assert torch.equal(found[0][1], found[1][1])
        assert not torch.equal(found[0][0], found[1][0])
    assert len(computed) == 6  # two truths, four predictions
