import pytest
import torch
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from sen2naip_sr.errors import UserError
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.metrics.ms_ssim import MS_SSIM_WEIGHTS
from sen2naip_sr.training.losses.ms_ssim import ms_ssim_loss
from sen2naip_sr.training.losses.ssim import ssim_loss


def noisy_pair(size, noise=0.1):
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 4, size // 4, size // 4, generator=generator)
    truth = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")
    return truth + noise * torch.randn(truth.shape, generator=generator), truth


def test_ssim_is_the_index_that_evaluation_reports():
    prediction, truth = noisy_pair(48)
    index = score(prediction, truth, data_range=1, shave=0).chip["ssim"].mean()
    assert ssim_loss(prediction, truth).item() == pytest.approx(1 - index.item(), abs=1e-5)


def test_ssim_by_skimage():
    prediction, truth = noisy_pair(40)
    index = [
        structural_similarity(
            p.double().numpy(),
            t.double().numpy(),
            data_range=1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for p, t in zip(prediction.flatten(0, 1), truth.flatten(0, 1), strict=True)
    ]
    assert ssim_loss(prediction, truth).item() == pytest.approx(1 - sum(index) / 8, abs=1e-5)


def test_ms_ssim_of_large_images_is_the_index_that_evaluation_reports():
    prediction, truth = noisy_pair(176)
    index = score(prediction, truth, data_range=1, shave=0).chip["ms_ssim"].mean()
    assert ms_ssim_loss(prediction, truth).item() == pytest.approx(1 - index.item(), abs=1e-5)


@pytest.mark.parametrize(("size", "scales"), [(21, 1), (22, 2), (64, 3), (96, 4)])
def test_ms_ssim_takes_the_scales_that_fit(size, scales):
    prediction, truth = noisy_pair(size, noise=0.05)
    weights = torch.tensor(MS_SSIM_WEIGHTS[:scales]).double()
    expected = 1 - multi_scale(prediction.double(), truth.double(), weights / weights.sum())
    assert ms_ssim_loss(prediction, truth).item() == pytest.approx(expected.item(), abs=1e-4)


def multi_scale(prediction, truth, weights):
    """Return MS-SSIM by skimage: the contrast term is SSIM over its luminance, window by window."""
    per_band = []
    for p, t in zip(prediction.flatten(0, 1), truth.flatten(0, 1), strict=True):
        index = torch.ones(())
        for scale, weight in enumerate(weights):
            maps = similarity_maps(p, t)
            last = scale == len(weights) - 1
            index = index * maps[0 if last else 1].mean() ** weight
            p, t = (torch.nn.functional.avg_pool2d(image[None], 2)[0] for image in (p, t))  # noqa: PLW2901
        per_band.append(index)
    return torch.stack(per_band).mean()


def similarity_maps(prediction, truth):
    from scipy.ndimage import gaussian_filter

    x, y = prediction.numpy(), truth.numpy()

    def mean(image):
        return gaussian_filter(image, 1.5, truncate=3.5)[5:-5, 5:-5]

    contrast = (2 * (mean(x * y) - mean(x) * mean(y)) + 9e-4) / (
        mean(x * x) - mean(x) ** 2 + mean(y * y) - mean(y) ** 2 + 9e-4
    )
    luminance = (2 * mean(x) * mean(y) + 1e-4) / (mean(x) ** 2 + mean(y) ** 2 + 1e-4)
    return torch.from_numpy(luminance * contrast), torch.from_numpy(contrast)


def test_ms_ssim_is_near_that_of_torchmetrics():
    prediction, truth = noisy_pair(192)
    # torchmetrics mirrors the borders, so its mean is taken over other windows
    index = multiscale_structural_similarity_index_measure(prediction, truth, data_range=1.0)
    assert ms_ssim_loss(prediction, truth).item() == pytest.approx(1 - index.item(), abs=0.01)


@pytest.mark.parametrize("loss", [ssim_loss, ms_ssim_loss])
def test_refuses_images_below_the_window(loss):
    with pytest.raises(UserError, match=r"11 x 11.*10 x 20[\s\S]*at least 6 LR"):
        loss(torch.rand(1, 4, 10, 20), torch.rand(1, 4, 10, 20))


def test_opposite_images_still_have_a_gradient_that_is_finite():
    _, truth = noisy_pair(64)
    prediction = (1 - truth).requires_grad_()
    ms_ssim_loss(prediction, truth).backward()
    assert prediction.grad.isfinite().all()
