"""Bundle adjustment: Rodrigues' rotation, perspective, radial distortion, and a weight per observation.

A camera is a rotation vector (3), a centre (3), a focal length, a principal point (2) and two coefficients of
distortion. What is wanted are the blocks of the sparse Jacobian, 2 × (11 + 3 + 1) per observation. With rows
of cameras and points of their own for all observations, the Jacobian of the sum of all residuals holds them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from ..case import Case, Function

CAMERA = 11


@register_jitable
def rotate(rotation, x):
    """Rodrigues' formula."""
    square = rotation[0] ** 2 + rotation[1] ** 2 + rotation[2] ** 2
    if square > 0.0:
        theta = np.sqrt(square)
        axis = rotation / theta
        turned = np.cross(axis, x)
        along = (axis @ x) * (1.0 - np.cos(theta))
        return x * np.cos(theta) + turned * np.sin(theta) + axis * along
    return x + np.cross(rotation, x)


@register_jitable
def project(camera, point):
    """Where a camera sees a point."""
    seen = rotate(camera[:3], point - camera[3:6])
    flat = seen[:2] / seen[2]
    radius = flat @ flat
    distortion = 1.0 + camera[9] * radius + camera[10] * radius**2
    return flat * distortion * camera[6] + camera[7:9]


@register_jitable
def residual(camera, point, weight, feature):
    """The weighted difference of one observation."""
    return weight * (project(camera, point) - feature)


def residuals(cameras, points, weights, features):
    """The sum of the residuals of all observations: its Jacobian is made of their blocks."""
    total = np.zeros(2)
    for o in range(len(weights)):
        total += residual(cameras[o], points[o], weights[o], features[o])
    return total


def residual_sum(cameras, points, weights, features, seeds):
    """The residuals of all observations, each with its own camera, point and weight, times a seed.

    With seeds (1, 0) and then (0, 1) the gradient holds the first and the second rows of all blocks.
    """
    total = 0.0
    for o in range(len(weights)):
        error = residual(cameras[o], points[o], weights[o], features[o])
        total += seeds[0] * error[0] + seeds[1] * error[1]
    return total


def squared_errors(cameras, points, weights, features, seen_by, sees):
    """Half the sum of the squared residuals; observation `o` is of point `sees[o]` by camera `seen_by[o]`."""
    total = 0.0
    for o in range(len(weights)):
        error = residual(cameras[seen_by[o]], points[sees[o]], weights[o], features[o])
        total += 0.5 * (error @ error)
    return total


def residual_sum_loops(cameras, points, weights, features, seeds):
    """`residual_sum` with the arithmetic written out in scalars, as in ADBench's C module."""
    total = 0.0
    for o in range(len(weights)):
        r0, r1, r2 = cameras[o, 0], cameras[o, 1], cameras[o, 2]
        x0 = points[o, 0] - cameras[o, 3]
        x1 = points[o, 1] - cameras[o, 4]
        x2 = points[o, 2] - cameras[o, 5]
        square = r0 * r0 + r1 * r1 + r2 * r2
        if square > 0.0:
            theta = np.sqrt(square)
            cosine = np.cos(theta)
            sine = np.sin(theta)
            a0, a1, a2 = r0 / theta, r1 / theta, r2 / theta
            along = (a0 * x0 + a1 * x1 + a2 * x2) * (1.0 - cosine)
            y0 = x0 * cosine + (a1 * x2 - a2 * x1) * sine + a0 * along
            y1 = x1 * cosine + (a2 * x0 - a0 * x2) * sine + a1 * along
            y2 = x2 * cosine + (a0 * x1 - a1 * x0) * sine + a2 * along
        else:
            y0 = x0 + r1 * x2 - r2 * x1
            y1 = x1 + r2 * x0 - r0 * x2
            y2 = x2 + r0 * x1 - r1 * x0
        u = y0 / y2
        v = y1 / y2
        radius = u * u + v * v
        distortion = 1.0 + cameras[o, 9] * radius + cameras[o, 10] * radius * radius
        e0 = weights[o] * (u * distortion * cameras[o, 6] + cameras[o, 7] - features[o, 0])
        e1 = weights[o] * (v * distortion * cameras[o, 6] + cameras[o, 8] - features[o, 1])
        total += seeds[0] * e0 + seeds[1] * e1
    return total


def residual_sum_hand(cameras, points, weights, features, seeds):
    """The adjoint of an observation in scalars, right after the observation: no tape.

    Rodrigues' formula is taken as x cos + (r × x) s + r (r·x) k with s = sin θ / θ and k = (1 - cos θ) / θ²,
    whose derivatives by θ² are known from the same sine and cosine.
    """
    count = len(weights)
    cameras_bar = np.empty((count, CAMERA))
    points_bar = np.empty((count, 3))
    weights_bar = np.empty(count)
    total = 0.0
    for o in range(count):
        r0, r1, r2 = cameras[o, 0], cameras[o, 1], cameras[o, 2]
        x0 = points[o, 0] - cameras[o, 3]
        x1 = points[o, 1] - cameras[o, 4]
        x2 = points[o, 2] - cameras[o, 5]
        square = r0 * r0 + r1 * r1 + r2 * r2
        if square > 0.0:
            theta = np.sqrt(square)
            cosine = np.cos(theta)
            s = np.sin(theta) / theta
            k = (1.0 - cosine) / square
            by_c = -0.5 * s
            by_s = 0.5 * (cosine - s) / square
            by_k = (0.5 * s - k) / square
        else:
            cosine, s, k = 1.0, 1.0, 0.0
            by_c, by_s, by_k = 0.0, 0.0, 0.0
        t0 = r1 * x2 - r2 * x1
        t1 = r2 * x0 - r0 * x2
        t2 = r0 * x1 - r1 * x0
        along = r0 * x0 + r1 * x1 + r2 * x2
        ak = along * k
        y0 = x0 * cosine + t0 * s + r0 * ak
        y1 = x1 * cosine + t1 * s + r1 * ak
        y2 = x2 * cosine + t2 * s + r2 * ak
        inverse = 1.0 / y2
        u = y0 * inverse
        v = y1 * inverse
        radius = u * u + v * v
        k1, k2 = cameras[o, 9], cameras[o, 10]
        distortion = 1.0 + radius * (k1 + k2 * radius)
        focal = cameras[o, 6]
        du = u * distortion
        dv = v * distortion
        p0 = du * focal + cameras[o, 7] - features[o, 0]
        p1 = dv * focal + cameras[o, 8] - features[o, 1]
        weight = weights[o]
        weights_bar[o] = seeds[0] * p0 + seeds[1] * p1
        total += weight * weights_bar[o]
        b0 = weight * seeds[0]
        b1 = weight * seeds[1]
        cameras_bar[o, 6] = b0 * du + b1 * dv
        cameras_bar[o, 7] = b0
        cameras_bar[o, 8] = b1
        distortion_bar = focal * (b0 * u + b1 * v)
        cameras_bar[o, 9] = distortion_bar * radius
        cameras_bar[o, 10] = distortion_bar * radius * radius
        radius_bar = 2.0 * distortion_bar * (k1 + 2.0 * k2 * radius)
        y0_bar = (b0 * focal * distortion + radius_bar * u) * inverse
        y1_bar = (b1 * focal * distortion + radius_bar * v) * inverse
        y2_bar = -(y0_bar * u + y1_bar * v)
        c_bar = y0_bar * x0 + y1_bar * x1 + y2_bar * x2
        s_bar = y0_bar * t0 + y1_bar * t1 + y2_bar * t2
        ak_bar = y0_bar * r0 + y1_bar * r1 + y2_bar * r2
        q = 2.0 * (c_bar * by_c + s_bar * by_s + ak_bar * along * by_k)
        along_bar = ak_bar * k
        cameras_bar[o, 0] = q * r0 + y0_bar * ak + along_bar * x0 + s * (x1 * y2_bar - x2 * y1_bar)
        cameras_bar[o, 1] = q * r1 + y1_bar * ak + along_bar * x1 + s * (x2 * y0_bar - x0 * y2_bar)
        cameras_bar[o, 2] = q * r2 + y2_bar * ak + along_bar * x2 + s * (x0 * y1_bar - x1 * y0_bar)
        x0_bar = y0_bar * cosine + along_bar * r0 + s * (y1_bar * r2 - y2_bar * r1)
        x1_bar = y1_bar * cosine + along_bar * r1 + s * (y2_bar * r0 - y0_bar * r2)
        x2_bar = y2_bar * cosine + along_bar * r2 + s * (y0_bar * r1 - y1_bar * r0)
        points_bar[o, 0] = x0_bar
        points_bar[o, 1] = x1_bar
        points_bar[o, 2] = x2_bar
        cameras_bar[o, 3] = -x0_bar
        cameras_bar[o, 4] = -x1_bar
        cameras_bar[o, 5] = -x2_bar
    return total, (cameras_bar, points_bar, weights_bar)


def blocks_hand(cameras, points, weights, features):
    """Both rows of each block by the adjoint of `residual_sum_hand`, once for each."""
    count = len(weights)
    cameras_bar = np.empty((2, count, CAMERA))
    points_bar = np.empty((2, count, 3))
    weights_bar = np.empty((2, count))
    for o in range(count):
        r0, r1, r2 = cameras[o, 0], cameras[o, 1], cameras[o, 2]
        x0 = points[o, 0] - cameras[o, 3]
        x1 = points[o, 1] - cameras[o, 4]
        x2 = points[o, 2] - cameras[o, 5]
        square = r0 * r0 + r1 * r1 + r2 * r2
        if square > 0.0:
            theta = np.sqrt(square)
            cosine = np.cos(theta)
            s = np.sin(theta) / theta
            k = (1.0 - cosine) / square
            by_c = -0.5 * s
            by_s = 0.5 * (cosine - s) / square
            by_k = (0.5 * s - k) / square
        else:
            cosine, s, k = 1.0, 1.0, 0.0
            by_c, by_s, by_k = 0.0, 0.0, 0.0
        t0 = r1 * x2 - r2 * x1
        t1 = r2 * x0 - r0 * x2
        t2 = r0 * x1 - r1 * x0
        along = r0 * x0 + r1 * x1 + r2 * x2
        ak = along * k
        y0 = x0 * cosine + t0 * s + r0 * ak
        y1 = x1 * cosine + t1 * s + r1 * ak
        y2 = x2 * cosine + t2 * s + r2 * ak
        inverse = 1.0 / y2
        u = y0 * inverse
        v = y1 * inverse
        radius = u * u + v * v
        k1, k2 = cameras[o, 9], cameras[o, 10]
        distortion = 1.0 + radius * (k1 + k2 * radius)
        focal = cameras[o, 6]
        du = u * distortion
        dv = v * distortion
        p0 = du * focal + cameras[o, 7] - features[o, 0]
        p1 = dv * focal + cameras[o, 8] - features[o, 1]
        weight = weights[o]
        weights_bar[0, o] = p0
        weights_bar[1, o] = p1
        for row in range(2):
            b0 = weight if row == 0 else 0.0
            b1 = weight - b0
            cameras_bar[row, o, 6] = b0 * du + b1 * dv
            cameras_bar[row, o, 7] = b0
            cameras_bar[row, o, 8] = b1
            distortion_bar = focal * (b0 * u + b1 * v)
            cameras_bar[row, o, 9] = distortion_bar * radius
            cameras_bar[row, o, 10] = distortion_bar * radius * radius
            radius_bar = 2.0 * distortion_bar * (k1 + 2.0 * k2 * radius)
            y0_bar = (b0 * focal * distortion + radius_bar * u) * inverse
            y1_bar = (b1 * focal * distortion + radius_bar * v) * inverse
            y2_bar = -(y0_bar * u + y1_bar * v)
            c_bar = y0_bar * x0 + y1_bar * x1 + y2_bar * x2
            s_bar = y0_bar * t0 + y1_bar * t1 + y2_bar * t2
            ak_bar = y0_bar * r0 + y1_bar * r1 + y2_bar * r2
            q = 2.0 * (c_bar * by_c + s_bar * by_s + ak_bar * along * by_k)
            along_bar = ak_bar * k
            cameras_bar[row, o, 0] = q * r0 + y0_bar * ak + along_bar * x0 + s * (x1 * y2_bar - x2 * y1_bar)
            cameras_bar[row, o, 1] = q * r1 + y1_bar * ak + along_bar * x1 + s * (x2 * y0_bar - x0 * y2_bar)
            cameras_bar[row, o, 2] = q * r2 + y2_bar * ak + along_bar * x2 + s * (x0 * y1_bar - x1 * y0_bar)
            x0_bar = y0_bar * cosine + along_bar * r0 + s * (y1_bar * r2 - y2_bar * r1)
            x1_bar = y1_bar * cosine + along_bar * r1 + s * (y2_bar * r0 - y0_bar * r2)
            x2_bar = y2_bar * cosine + along_bar * r2 + s * (y0_bar * r1 - y1_bar * r0)
            points_bar[row, o, 0] = x0_bar
            points_bar[row, o, 1] = x1_bar
            points_bar[row, o, 2] = x2_bar
            cameras_bar[row, o, 3] = -x0_bar
            cameras_bar[row, o, 4] = -x1_bar
            cameras_bar[row, o, 5] = -x2_bar
    return cameras_bar, points_bar, weights_bar


def scene(rng: np.random.Generator, cameras: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Cameras that look at a cloud of points."""
    parameters = np.empty((cameras, CAMERA))
    parameters[:, :3] = 0.3 * rng.normal(size=(cameras, 3))
    parameters[:, 3:6] = rng.normal(size=(cameras, 3)) - np.array([0.0, 0.0, 8.0])
    parameters[:, 6] = 500.0
    parameters[:, 7:9] = rng.normal(size=(cameras, 2))
    parameters[:, 9:11] = 0.01 * rng.normal(size=(cameras, 2))
    return parameters, rng.normal(size=(points, 3))


def arguments(count: int) -> tuple[Any, ...]:
    """`count` observations of `count / 5` points by `count / 50` cameras."""
    rng = np.random.default_rng(0)
    cameras, points = scene(rng, max(count // 50, 2), max(count // 5, 3))
    return (
        cameras,
        points,
        rng.uniform(0.5, 1.0, size=count),
        100.0 * rng.normal(size=(count, 2)),
        rng.integers(0, len(cameras), size=count),
        rng.integers(0, len(points), size=count),
    )


def gathered_arguments(count: int) -> tuple[Any, ...]:
    """The same with the camera and the point of each observation side by side."""
    cameras, points, weights, features, seen_by, sees = arguments(count)
    return cameras[seen_by], points[sees], weights, features, np.array([1.0, 0.0])


def block_arguments(count: int) -> tuple[Any, ...]:
    """The same without seeds."""
    return gathered_arguments(count)[:4]


def jax_residual() -> Function:
    """The residual of one observation."""
    import jax.numpy as jnp

    def turned(rotation, x):
        square = rotation @ rotation
        theta = jnp.sqrt(jnp.where(square > 0.0, square, 1.0))
        axis = rotation / theta
        along = (axis @ x) * (1.0 - jnp.cos(theta))
        general = x * jnp.cos(theta) + jnp.cross(axis, x) * jnp.sin(theta) + axis * along
        return jnp.where(square > 0.0, general, x + jnp.cross(rotation, x))

    def one(camera, point, weight, feature):
        seen = turned(camera[:3], point - camera[3:6])
        flat = seen[:2] / seen[2]
        radius = flat @ flat
        distortion = 1.0 + camera[9] * radius + camera[10] * radius**2
        return weight * (flat * distortion * camera[6] + camera[7:9] - feature)

    return one


def jax_residuals() -> Function:
    """The residuals of all observations."""
    import jax

    return jax.vmap(jax_residual())


def jax_blocks() -> Function:
    """The blocks of all observations, observation by observation in parallel."""
    import jax

    return jax.vmap(jax.jacrev(jax_residual(), (0, 1, 2)), out_axes=1)


def jax_sum() -> Function:
    import jax.numpy as jnp

    residuals = jax_residuals()

    def total(cameras, points, weights, features, seeds):
        return jnp.sum(residuals(cameras, points, weights, features) * seeds)

    return total


def jax_squares() -> Function:
    import jax.numpy as jnp

    residuals = jax_residuals()

    def total(cameras, points, weights, features, seen_by, sees):
        return 0.5 * jnp.sum(residuals(cameras[seen_by], points[sees], weights, features) ** 2)

    return total


def torch_residuals() -> Function:
    """The residuals of all observations."""
    import torch

    def residuals(cameras, points, weights, features):
        rotation = cameras[:, :3]
        x = points - cameras[:, 3:6]
        theta = torch.sqrt((rotation**2).sum(1, keepdim=True))
        axis = rotation / theta
        cosine, sine = torch.cos(theta), torch.sin(theta)
        along = (axis * x).sum(1, keepdim=True) * (1.0 - cosine)
        seen = x * cosine + torch.linalg.cross(axis, x) * sine + axis * along
        flat = seen[:, :2] / seen[:, 2:]
        radius = (flat**2).sum(1, keepdim=True)
        distortion = 1.0 + cameras[:, 9:10] * radius + cameras[:, 10:11] * radius**2
        projected = flat * distortion * cameras[:, 6:7] + cameras[:, 7:9]
        return weights[:, None] * (projected - features)

    return residuals


def torch_sum() -> Function:
    residuals = torch_residuals()

    def total(cameras, points, weights, features, seeds):
        return (residuals(cameras, points, weights, features) * seeds).sum()

    return total


def torch_squares() -> Function:
    residuals = torch_residuals()

    def total(cameras, points, weights, features, seen_by, sees):
        return 0.5 * (residuals(cameras[seen_by], points[sees], weights, features) ** 2).sum()

    return total


SIZES = (6, 500, 2000, 10000, 50000)
CASES = (
    Case(
        name="bundle_blocks",
        family="adbench",
        fn=residuals,
        args=block_arguments,
        sizes=SIZES,
        argnums=(0, 1, 2),
        jacobian=True,
        hand=blocks_hand,
        jax=jax_blocks,
        note="all Jacobian blocks, 2 × 15 per observation; vectors of length 3; size: observations",
    ),
    Case(
        name="bundle_rows",
        family="adbench",
        fn=residual_sum,
        args=gathered_arguments,
        sizes=SIZES,
        argnums=(0, 1, 2),
        hand=residual_sum_hand,
        jax=jax_sum,
        torch=torch_sum,
        note="one of the two rows of all Jacobian blocks; vectors of length 3; size: observations",
    ),
    Case(
        name="bundle_rows_scalars",
        family="adbench",
        fn=residual_sum_loops,
        args=gathered_arguments,
        sizes=SIZES,
        argnums=(0, 1, 2),
        hand=residual_sum_hand,
        jax=jax_sum,
        torch=torch_sum,
        note="the same written out in scalars; size: observations",
    ),
    Case(
        name="bundle_squares",
        family="adbench",
        fn=squared_errors,
        args=arguments,
        sizes=SIZES,
        argnums=(0, 1, 2),
        jax=jax_squares,
        torch=torch_squares,
        note="gradient of the sum of squares, cameras and points shared; size: observations",
    ),
)
