"""Rotations, cameras, curves, interpolation and intersections."""

from __future__ import annotations

import math

import numpy as np
from programs.registry import program


def cross(a, b):
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def rodrigues(r, x):
    """Rotate x by the rotation vector r."""
    theta2 = r @ r
    if theta2 < 1e-12:
        return x + cross(r, x)
    theta = np.sqrt(theta2)
    axis = r / theta
    c, s = np.cos(theta), np.sin(theta)
    return x * c + cross(axis, x) * s + axis * (axis @ x) * (1 - c)


@program(args=lambda rng: (0.5 * rng.normal(size=3), rng.normal(size=3)), argnums=(0, 1))
def rodrigues_alignment(r, x):
    return np.sum((rodrigues(r, x) - np.array([1.0, 0.0, 0.5])) ** 2)


@program(args=lambda rng: (1e-9 * np.ones(3), rng.normal(size=3)), argnums=(0, 1), second=False)
def rodrigues_near_zero(r, x):
    """The small-angle branch."""
    y = rodrigues(r, x)
    return y[0] + 2.0 * y[1] * x[2]


def project(camera, point):
    """Camera: rotation vector, centre, focal length, principal point, two radial distortions."""
    local = rodrigues(camera[:3], point - camera[3:6])
    xy = local[:2] / local[2]
    r2 = np.sum(xy**2)
    distortion = 1.0 + camera[9] * r2 + camera[10] * r2**2
    return camera[6] * distortion * xy + camera[7:9]


@program(
    args=lambda rng: (
        np.array([0.1, -0.2, 0.1, 0.0, 0.1, -4.0, 1.2, 0.1, 0.0, 0.05, 0.01]) + 0.02 * rng.normal(size=11),
        rng.uniform(-1, 1, (3, 3)),
        rng.uniform(0.5, 1.5, 3),
        rng.uniform(-0.3, 0.3, (3, 2)),
    ),
    argnums=(0, 1, 2),
)
def bundle_adjustment(camera, points, weights, observed):
    cost = 0.0
    for i in range(points.shape[0]):
        residual = weights[i] * (project(camera, points[i]) - observed[i])
        cost += residual @ residual + (1.0 - weights[i] ** 2) ** 2
    return 0.5 * cost


@program(
    args=lambda rng: (rng.uniform(-1, 1, 3), rng.normal(size=(4, 3)), rng.normal(size=3)), argnums=(0, 1, 2)
)
def euler_angles_point_cloud(angles, cloud, shift):
    (ca, cb, cc), (sa, sb, sc) = np.cos(angles), np.sin(angles)
    rx = np.array([[1.0, 0.0, 0.0], [0.0, ca, -sa], [0.0, sa, ca]])
    ry = np.array([[cb, 0.0, sb], [0.0, 1.0, 0.0], [-sb, 0.0, cb]])
    rz = np.array([[cc, -sc, 0.0], [sc, cc, 0.0], [0.0, 0.0, 1.0]])
    moved = cloud @ (rz @ ry @ rx).T + shift
    return np.sum(np.log1p(np.sum((moved - cloud) ** 2, axis=1)))


@program(args=lambda rng: (rng.normal(size=4), rng.normal(size=3)), argnums=(0, 1))
def quaternion_rotate(q, v):
    q = q / np.linalg.norm(q)
    t = 2.0 * cross(q[1:], v)
    rotated = v + q[0] * t + cross(q[1:], t)
    return rotated[0] * rotated[1] + np.sin(rotated[2])


@program(args=lambda rng: (rng.normal(size=(4, 2)), rng.uniform(0.2, 0.8)), argnums=(0, 1))
def de_casteljau(control, t):
    points = control.copy()
    n = len(points)
    for level in range(1, n):
        for i in range(n - level):
            points[i] = (1 - t) * points[i] + t * points[i + 1]
    return points[0, 0] ** 2 + points[0, 1]


def basis(i, degree, knots, t):
    """Cox-de Boor recursion."""
    if degree == 0:
        return 1.0 if knots[i] <= t < knots[i + 1] else 0.0
    left = right = 0.0
    if knots[i + degree] > knots[i]:
        left = (t - knots[i]) / (knots[i + degree] - knots[i]) * basis(i, degree - 1, knots, t)
    if knots[i + degree + 1] > knots[i + 1]:
        right = (
            (knots[i + degree + 1] - t)
            / (knots[i + degree + 1] - knots[i + 1])
            * basis(i + 1, degree - 1, knots, t)
        )
    return left + right


@program(args=lambda rng: (rng.normal(size=5), rng.uniform(2.1, 2.9)), argnums=(0, 1), second=False)
def bspline_recursive(coefficients, t):
    knots = np.array([0.0, 0.0, 0.0, 2.0, 3.0, 5.0, 5.0, 5.0])
    return sum([c * basis(i, 2, knots, t) for i, c in enumerate(coefficients)]) ** 2


@program(args=lambda rng: (rng.normal(size=6), rng.uniform(2.1, 2.9)), argnums=(0, 1))
def de_boor_cubic(control, t):
    degree = 3
    knots = np.array([0.0, 0.0, 0.0, 0.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0])
    span = degree
    while knots[span + 1] <= t:
        span += 1
    d = control[span - degree : span + 1].copy()
    for r in range(1, degree + 1):
        for j in range(degree, r - 1, -1):
            left = knots[span - degree + j]
            alpha = (t - left) / (knots[j + 1 + span - r] - left)
            d[j] = (1.0 - alpha) * d[j - 1] + alpha * d[j]
    return d[degree] ** 2


@program(args=lambda rng: (rng.normal(size=6), rng.uniform(0.2, 4.8, 4)), argnums=(0, 1))
def natural_cubic_spline(y, queries):
    """Second derivatives from a tridiagonal solve, then evaluation by interval search."""
    n = len(y)
    m = np.zeros(n)
    cp = np.zeros(n)
    for i in range(1, n - 1):
        denominator = 4.0 - cp[i - 1]
        cp[i] = 1.0 / denominator
        m[i] = (6.0 * (y[i + 1] - 2.0 * y[i] + y[i - 1]) - m[i - 1]) / denominator
    for i in range(n - 2, 0, -1):
        m[i] -= cp[i] * m[i + 1]
    total = 0.0
    for q in queries:
        k = min(int(math.floor(q)), n - 2)
        b = q - k
        a = 1.0 - b
        value = a * y[k] + b * y[k + 1] + ((a**3 - a) * m[k] + (b**3 - b) * m[k + 1]) / 6.0
        total += value**2
    return total


@program(
    args=lambda rng: (np.sort(rng.uniform(0, 5, 6)), rng.normal(size=6), np.array([-0.5, 2.0, 3.1, 6.0])),
    argnums=(0, 1, 2),
    second=False,
)
def linear_interpolation_search(x, y, queries):
    total = 0.0
    for q in queries:
        if q <= x[0]:
            total += y[0]
            continue
        for i in range(1, len(x)):
            if q <= x[i]:
                w = (q - x[i - 1]) / (x[i] - x[i - 1])
                total += ((1 - w) * y[i - 1] + w * y[i]) ** 2
                break
        else:
            total += y[-1]
    return total


@program(
    args=lambda rng: (rng.normal(size=(4, 5)), rng.uniform(0.2, 2.8, 3), rng.uniform(0.2, 3.8, 3)),
    argnums=(0, 1, 2),
)
def bilinear_sampling(image, rows, cols):
    total = 0.0
    for r, c in zip(rows, cols):
        i, j = int(r), int(c)
        fr, fc = r - i, c - j
        top = image[i, j] * (1 - fc) + image[i, j + 1] * fc
        bottom = image[i + 1, j] * (1 - fc) + image[i + 1, j + 1] * fc
        total += np.tanh(top * (1 - fr) + bottom * fr)
    return total


@program(
    args=lambda rng: (0.1 * rng.normal(size=3), np.array([0.1, 0.2, 5.0]), rng.uniform(0.8, 1.5)),
    argnums=(0, 1, 2),
)
def ray_sphere_shading(origin, centre, radius):
    """Lambert shade at the nearest hit, background colour at a miss."""
    direction = np.array([0.0, 0.0, 1.0])
    oc = origin - centre
    b = np.dot(oc, direction)
    disc = b * b - (np.dot(oc, oc) - radius * radius)
    if disc < 0.0:
        return 0.1
    t = -b - math.sqrt(disc)
    if t < 0.0:
        return 0.1
    normal = (origin + t * direction - centre) / radius
    light = np.array([0.6, 0.5, -0.6])
    shade = np.dot(normal, light)
    if shade < 0.0:
        shade = 0.0
    return shade + 0.05 * t


@program(
    args=lambda rng: (
        rng.normal(size=(5, 2)) * 0.1
        + np.stack((np.cos(np.arange(5) * 1.2566), np.sin(np.arange(5) * 1.2566)), axis=1),
    )
)
def polygon_area_over_perimeter(vertices):
    n = vertices.shape[0]
    area = 0.0
    perimeter = 0.0
    for i in range(n):
        x0, y0 = vertices[i - 1]
        x1, y1 = vertices[i]
        area += 0.5 * (x0 * y1 - x1 * y0)
        perimeter += math.hypot(x1 - x0, y1 - y0)
    return 4 * math.pi * area / perimeter**2


@program(args=lambda rng: (rng.normal(size=(5, 3)), rng.uniform(0.3, 1.0)), argnums=(0, 1))
def mesh_volume_and_area(vertices, weight):
    faces = [(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 1), (1, 3, 2), (1, 4, 3)]
    volume = area = 0.0
    for i, j, k in faces:
        n = cross(vertices[j] - vertices[i], vertices[k] - vertices[i])
        area += 0.5 * np.linalg.norm(n)
        volume += np.dot(vertices[i], n) / 6.0
    return volume + weight * area


@program(
    args=lambda rng: (
        rng.uniform(0.5, 0.9),
        rng.uniform(-1.2, 1.2),
        rng.uniform(1.0, 1.4),
        rng.uniform(0.0, 1.5),
    ),
    argnums=(0, 1, 2, 3),
)
def haversine_distance(lat1, lon1, lat2, lon2):
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6.371 * math.asin(math.sqrt(h))


@program(args=lambda rng: (rng.normal(size=(4, 2)), rng.normal(size=(3, 2))), argnums=(0, 1), second=False)
def chamfer_distance(a, b):
    total = 0.0
    for p in a:
        nearest = np.inf
        for q in b:
            d = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2
            if d < nearest:
                nearest = d
        total += nearest
    return total + np.sum(np.min(np.sum((b[:, None] - a[None]) ** 2, axis=-1), axis=1))


@program(
    args=lambda rng: (rng.normal(size=4), np.arange(4.0) + 0.1 * rng.normal(size=4), rng.uniform(1.2, 1.8)),
    argnums=(0, 1, 2),
)
def lagrange_interpolation(values, nodes, x):
    n = len(nodes)
    others = np.ones(n) > 0
    total = 0.0
    for i in range(n):
        others[:] = True
        others[i] = False
        weights = np.where(others, (x - nodes) / np.where(others, nodes[i] - nodes, 1.0), 1.0)
        total += values[i] * np.prod(weights)
    return total**2
