"""Every layer: its text as PyTorch prints it, its state, and that it computes what its function does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.nn import namespace as nn
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor

TEXTS = [
    (nn.Linear(2, 3), "Linear(in_features=2, out_features=3, bias=True)"),
    (nn.Bilinear(1, 2, 3), "Bilinear(in1_features=1, in2_features=2, out_features=3, bias=True)"),
    (nn.Identity(54, unused=0.1), "Identity()"),
    (nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
    (nn.Unflatten(1, (2, 2)), "Unflatten(dim=1, unflattened_size=(2, 2))"),
    (nn.Embedding(3, 4, padding_idx=0, max_norm=1.0), "Embedding(3, 4, padding_idx=0, max_norm=1.0)"),
    (
        nn.Conv2d(3, 4, 3, padding=1, bias=False, dilation=2),
        "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), dilation=(2, 2), bias=False)",
    ),
    (
        nn.Conv2d(4, 4, (3, 1), stride=2, groups=2, padding_mode="reflect"),
        "Conv2d(4, 4, kernel_size=(3, 1), stride=(2, 2), groups=2, padding_mode=reflect)",
    ),
    (nn.Conv1d(1, 2, 3), "Conv1d(1, 2, kernel_size=(3,), stride=(1,))"),
    (
        nn.ConvTranspose2d(3, 4, 3, output_padding=1, stride=2),
        "ConvTranspose2d(3, 4, kernel_size=(3, 3), stride=(2, 2), output_padding=(1, 1))",
    ),
    (
        nn.BatchNorm2d(3),
        "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)",
    ),
    (
        nn.BatchNorm1d(3, affine=False),
        "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=True)",
    ),
    (
        nn.InstanceNorm2d(3),
        "InstanceNorm2d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)",
    ),
    (nn.LayerNorm((2, 3)), "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=True)"),
    (nn.RMSNorm(3), "RMSNorm((3,), eps=None, elementwise_affine=True)"),
    (nn.GroupNorm(1, 3), "GroupNorm(1, 3, eps=1e-05, affine=True, bias=True)"),
    (nn.LocalResponseNorm(2), "LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)"),
    (nn.MaxPool2d(3, 2, 1), "MaxPool2d(kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=False)"),
    (nn.AvgPool2d(2), "AvgPool2d(kernel_size=2, stride=2, padding=0)"),
    (nn.AvgPool1d(2), "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))"),
    (nn.LPPool2d(2, 3), "LPPool2d(norm_type=2, kernel_size=3, stride=None, ceil_mode=False)"),
    (nn.AdaptiveAvgPool2d((1, 1)), "AdaptiveAvgPool2d(output_size=(1, 1))"),
    (nn.AdaptiveMaxPool2d((None, 1)), "AdaptiveMaxPool2d(output_size=(None, 1))"),
    (nn.Dropout(), "Dropout(p=0.5, inplace=False)"),
    (nn.ReLU(), "ReLU()"),
    (nn.ReLU(inplace=True), "ReLU(inplace=True)"),
    (nn.ReLU6(), "ReLU6()"),
    (nn.LeakyReLU(0.2, True), "LeakyReLU(negative_slope=0.2, inplace=True)"),
    (nn.PReLU(), "PReLU(num_parameters=1)"),
    (nn.RReLU(0.1, 0.3), "RReLU(lower=0.1, upper=0.3)"),
    (nn.ELU(), "ELU(alpha=1.0)"),
    (nn.SELU(), "SELU()"),
    (nn.CELU(), "CELU(alpha=1.0)"),
    (nn.GELU(), "GELU(approximate='none')"),
    (nn.SiLU(True), "SiLU(inplace=True)"),
    (nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
    (nn.Hardtanh(-1, 2, inplace=True), "Hardtanh(min_val=-1, max_val=2, inplace=True)"),
    (nn.Softshrink(), "Softshrink(0.5)"),
    (nn.GLU(), "GLU(dim=-1)"),
    (nn.Threshold(0.1, 20), "Threshold(threshold=0.1, value=20)"),
    (nn.Softmax(dim=1), "Softmax(dim=1)"),
    (nn.LogSoftmax(), "LogSoftmax(dim=None)"),
    (nn.MSELoss(), "MSELoss()"),
    (nn.CrossEntropyLoss(), "CrossEntropyLoss()"),
    (nn.Upsample(scale_factor=2), "Upsample(scale_factor=2.0, mode='nearest')"),
    (nn.PixelShuffle(2), "PixelShuffle(upscale_factor=2)"),
    (nn.ZeroPad2d(1), "ZeroPad2d((1, 1, 1, 1))"),
    (nn.ConstantPad1d(1, 2.0), "ConstantPad1d(padding=(1, 1), value=2.0)"),
    (nn.CosineSimilarity(), "CosineSimilarity()"),
    (nn.Unfold(2), "Unfold(kernel_size=2, dilation=1, padding=0, stride=1)"),
    (nn.Fold((2, 2), 1), "Fold(output_size=(2, 2), kernel_size=1, dilation=1, padding=0, stride=1)"),
]


@pytest.mark.parametrize(("layer", "text"), TEXTS, ids=lambda v: v if isinstance(v, str) else "")
def test_text(layer: Any, text: str) -> None:
    assert repr(layer) == text


def t(a: Any) -> Any:
    return wrap(Tensor, np.asarray(a, np.float32))


def image(*shape: int) -> Any:
    return t(np.random.default_rng(0).standard_normal(shape))


def same(layer: Any, expected: Any, *inputs: Any) -> None:
    np.testing.assert_allclose(layer(*inputs)._a, expected._a, rtol=1e-6)


def drawn(layer: Any) -> Any:
    """The layer with random parameters, so that none of them can be left out unseen."""
    rng = np.random.default_rng(1)
    for p in layer.parameters():
        p.data.copy_(t(rng.standard_normal(p.shape)))
    return layer


def test_layers_with_parameters() -> None:
    x = image(2, 4, 6, 6)
    conv = nn.Conv2d(4, 6, 3, 2, 1, groups=2)
    same(conv, F.conv2d(x, conv.weight, conv.bias, 2, 1, 1, 2), x)
    up = nn.ConvTranspose2d(4, 3, 2, 2)
    same(up, F.conv_transpose2d(x, up.weight, up.bias, 2), x)
    assert up(x, output_size=(13, 12))._a.shape == (2, 3, 13, 12)
    with pytest.raises(ValueError, match="requested an output size of"):
        up(x, output_size=(20, 12))
    round_ = nn.Conv2d(4, 2, 3, padding=1, padding_mode="circular")
    same(round_, F.conv2d(F.pad(x, (1, 1, 1, 1), "circular"), round_.weight, round_.bias), x)
    wide = nn.Conv1d(4, 2, 3, padding="same", padding_mode="replicate")
    assert wide(x[:, :, 0])._a.shape == (2, 2, 6)
    group, layer, root = drawn(nn.GroupNorm(2, 4)), drawn(nn.LayerNorm(6)), drawn(nn.RMSNorm(6, eps=0.1))
    same(group, F.group_norm(x, 2, group.weight, group.bias), x)
    same(layer, F.layer_norm(x, (6,), layer.weight, layer.bias), x)
    same(root, F.rms_norm(x, (6,), root.weight, 0.1), x)
    two = drawn(nn.Bilinear(6, 6, 3))
    same(two, F.bilinear(x, x + 1, two.weight, two.bias), x, x + 1)
    rows = t([[1, 2]]).to(dtype="int64")  # type: ignore[attr-defined]
    table = nn.Embedding(5, 3, padding_idx=-1)
    same(table, F.embedding(rows, table.weight), rows)
    assert table.weight._a[4].tolist() == [0, 0, 0]
    assert not nn.Embedding.from_pretrained(table.weight.detach()).weight.requires_grad


def test_default_parameters() -> None:
    linear, conv = nn.Linear(100, 50), nn.Conv2d(25, 10, 2)
    for layer, fan in ((linear, 100), (conv, 100)):
        for p in layer.parameters():
            assert abs(p._a).max() <= 1 / np.sqrt(fan)
        assert abs(layer.weight._a).max() > 0.95 / np.sqrt(fan)
    assert nn.Linear(2, 2, dtype="float64").weight._a.dtype == np.float64
    assert [n for n, _ in nn.Linear(2, 2, bias=False).named_parameters()] == ["weight"]


def test_batch_norm_has_modes() -> None:
    x = image(8, 3, 2, 2)
    norm = drawn(nn.BatchNorm2d(3))
    norm(x)
    norm(x)
    assert norm.num_batches_tracked.item() == 2
    np.testing.assert_allclose(norm.running_mean._a, 0.19 * x._a.mean((0, 2, 3)), rtol=1e-4)
    before = norm.running_mean._a.copy()
    out = norm.eval()(x)
    np.testing.assert_array_equal(norm.running_mean._a, before)
    same(norm, F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias), x)
    assert out.requires_grad
    average = nn.BatchNorm2d(3, momentum=None)
    for part in (x[:4], x[4:]):
        average(part)
    np.testing.assert_allclose(average.running_mean._a, x._a.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    untracked = nn.BatchNorm2d(3, track_running_stats=False).eval()
    same(untracked, F.batch_norm(x, None, None, training=True), x)
    with pytest.raises(ValueError, match=r"expected 4D input \(got 3D input\)"):
        norm(x[0])
    each = drawn(nn.InstanceNorm2d(3, affine=True, track_running_stats=True))
    same(each, F.instance_norm(x, weight=each.weight, bias=each.bias), x)
    mean, variance = each.running_mean, each.running_var
    np.testing.assert_allclose(mean._a, 0.1 * x._a.mean((0, 2, 3)), rtol=1e-4)
    same(each.eval(), F.batch_norm(x, mean, variance, each.weight, each.bias), x)
    assert nn.InstanceNorm2d(3)(x[0])._a.shape == (3, 2, 2)


def test_layers_without_parameters() -> None:
    x = image(2, 4, 6, 6)
    pairs = [
        (nn.MaxPool2d(2), F.max_pool2d(x, 2)),
        (nn.AvgPool2d(2, divisor_override=3), F.avg_pool2d(x, 2, divisor_override=3)),
        (nn.LPPool2d(2, 2), F.lp_pool2d(x, 2, 2)),
        (nn.AdaptiveAvgPool2d((2, None)), F.adaptive_avg_pool2d(x, (2, None))),
        (nn.AdaptiveMaxPool2d(3), F.adaptive_max_pool2d(x, 3)),
        (nn.Softmax2d(), F.softmax(x, 1)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), F.interpolate(x, scale_factor=2, mode="bilinear")),
        (nn.UpsamplingBilinear2d(9), F.interpolate(x, 9, mode="bilinear", align_corners=True)),
        (nn.PixelShuffle(2), F.pixel_shuffle(x, 2)),
        (nn.PixelUnshuffle(2), F.pixel_unshuffle(x, 2)),
        (nn.ChannelShuffle(2), F.channel_shuffle(x, 2)),
        (nn.ReflectionPad2d((1, 2, 0, 1)), F.pad(x, (1, 2, 0, 1), "reflect")),
        (nn.ConstantPad2d(1, 3.0), F.pad(x, (1, 1, 1, 1), value=3.0)),
        (nn.Unfold(2), F.unfold(x, 2)),
        (nn.Flatten(2), x.reshape(2, 4, 36)),
        (nn.Unflatten(1, (2, 2)), x.reshape(2, 2, 2, 6, 6)),
        (nn.LocalResponseNorm(2), F.local_response_norm(x, 2)),
        (nn.Dropout(0.5).eval(), x),
        (nn.PReLU(4), F.prelu(x, t(np.full(4, 0.25)))),
    ]
    for layer, expected in pairs:
        same(layer, expected, x)
    values, places = nn.MaxPool2d(2, return_indices=True)(x)
    assert places._a.dtype == np.int64
    assert values._a.shape == places._a.shape


def test_losses() -> None:
    x, z = checks.leaf(checks.sample(4, 3)), wrap(Tensor, checks.sample(4, 3, seed=1))
    classes = wrap(Tensor, np.array([0, 1, 2, 1]))
    weight = wrap(Tensor, np.array([1.0, 2.0, 3.0]))
    shares = wrap(Tensor, np.linspace(0.1, 0.9, 12).reshape(4, 3))
    signs = wrap(Tensor, np.where(np.arange(12).reshape(4, 3) % 2, 1.0, -1.0))
    pairs = [
        (nn.MSELoss(reduction="sum"), F.mse_loss(x, z, reduction="sum"), (x, z)),
        (nn.SmoothL1Loss(beta=0.5), F.smooth_l1_loss(x, z, beta=0.5), (x, z)),
        (nn.HuberLoss(delta=0.5), F.huber_loss(x, z, delta=0.5), (x, z)),
        (
            nn.BCEWithLogitsLoss(pos_weight=weight),
            F.binary_cross_entropy_with_logits(x, z, pos_weight=weight),
            (x, z),
        ),
        (
            nn.CrossEntropyLoss(weight, ignore_index=0, label_smoothing=0.1),
            F.cross_entropy(x, classes, weight, ignore_index=0, label_smoothing=0.1),
            (x, classes),
        ),
        (nn.NLLLoss(weight), F.nll_loss(x, classes, weight), (x, classes)),
        (nn.GaussianNLLLoss(full=True), F.gaussian_nll_loss(x, z, z, full=True), (x, z, z)),
        (nn.PoissonNLLLoss(log_input=False), F.poisson_nll_loss(x, z, False), (x, z)),
        (nn.TripletMarginLoss(2.0), F.triplet_margin_loss(x, z, z, 2.0), (x, z, z)),
        (nn.L1Loss(reduction="sum"), F.l1_loss(x, z, reduction="sum"), (x, z)),
        (nn.BCEWithLogitsLoss(weight), F.binary_cross_entropy_with_logits(x, z, weight), (x, z)),
        (nn.BCELoss(weight), F.binary_cross_entropy(x.sigmoid(), shares, weight), (x.sigmoid(), shares)),
        (nn.KLDivLoss(reduction="sum"), F.kl_div(x, shares, reduction="sum"), (x, shares)),
        (nn.SoftMarginLoss(reduction="sum"), F.soft_margin_loss(x, signs, reduction="sum"), (x, signs)),
        (nn.HingeEmbeddingLoss(), F.hinge_embedding_loss(x, signs, 1.0), (x, signs)),
        (nn.HingeEmbeddingLoss(0.3), F.hinge_embedding_loss(x, signs, 0.3), (x, signs)),
        (nn.MarginRankingLoss(), F.margin_ranking_loss(x, z, signs, 0.0), (x, z, signs)),
        (nn.MarginRankingLoss(0.3), F.margin_ranking_loss(x, z, signs, 0.3), (x, z, signs)),
        (nn.CosineEmbeddingLoss(0.3), F.cosine_embedding_loss(x, z, signs[:, 0], 0.3), (x, z, signs[:, 0])),
        (nn.MultiMarginLoss(2, 0.3, weight), F.multi_margin_loss(x, classes, 2, 0.3, weight), (x, classes)),
        (
            nn.MultiLabelSoftMarginLoss(weight),
            F.multilabel_soft_margin_loss(x, shares, weight),
            (x, shares),
        ),
    ]
    for layer, expected, inputs in pairs:
        same(layer, expected, *inputs)
    assert list(nn.CrossEntropyLoss(weight).state_dict()) == ["weight"]
    both = nn.BCEWithLogitsLoss(weight, pos_weight=weight)
    assert list(both.state_dict()) == ["weight", "pos_weight"]
    with pytest.warns(UserWarning, match="size_average and reduce"):
        assert nn.MSELoss(size_average=False).reduction == "sum"


def test_what_is_refused() -> None:
    refused: list[tuple[str, Any]] = [
        ("in_channels must be divisible by groups", lambda: nn.Conv2d(3, 4, 3, groups=2)),
        ("out_channels must be divisible by groups", lambda: nn.Conv2d(4, 3, 3, groups=2)),
        ("padding='same' is not supported for strided", lambda: nn.Conv2d(4, 3, 3, 2, "same")),
        ("padding_mode must be one of", lambda: nn.Conv2d(4, 3, 3, padding_mode="wide")),
        ("num_channels .* must be divisible by num_groups", lambda: nn.GroupNorm(2, 3)),
        ("dropout probability has to be between 0 and 1", lambda: nn.Dropout(2.0)),
        ('Only "zeros" padding mode', lambda: nn.ConvTranspose2d(1, 1, 1, padding_mode="reflect")),
    ]
    for words, call in refused:
        with pytest.raises(ValueError, match=words):
            call()
