"""In the manner of ADBench's hand tracking: a finger of joints, and points fixed to its bones.

Each bone turns about the end of the one before it by three angles. What is wanted are the derivatives of the
points' positions with respect to all angles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from ..case import Case, Function

POINTS_PER_BONE = 20


@register_jitable
def rotation(angles):
    """About x, then y, then z."""
    cx, sx = np.cos(angles[0]), np.sin(angles[0])
    cy, sy = np.cos(angles[1]), np.sin(angles[1])
    cz, sz = np.cos(angles[2]), np.sin(angles[2])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]])
    about_y = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    about_z = np.array([[cz, -sz, 0.0], [sz, cz, 0.0], [0.0, 0.0, 1.0]])
    return about_z @ about_y @ about_x


@register_jitable
def positions(angles, bones, skin, bone_of):
    """Forward kinematics: where the points of the skin are, one in each row.

    `angles` and `bones` have a row per joint; `skin[p]` is the place of point `p` in the frame of bone
    `bone_of[p]`.
    """
    joints = angles.shape[0]
    frames = np.empty((joints, 3, 3))
    ends = np.zeros((joints + 1, 3))
    turn = np.eye(3)
    for j in range(joints):
        turn = turn @ rotation(angles[j])
        frames[j] = turn
        ends[j + 1] = ends[j] + turn @ bones[j]
    placed = np.empty_like(skin)
    for p in range(skin.shape[0]):
        placed[p] = ends[bone_of[p]] + frames[bone_of[p]] @ skin[p]
    return placed


def misfit(angles, bones, skin, bone_of, seen):
    """Half the squared distance of the points from where they are seen."""
    error = positions(angles, bones, skin, bone_of) - seen
    return 0.5 * np.sum(error**2)


@register_jitable
def chain_hand(angles, bones):
    """The frame and the end of each bone, and the axes of its three angles."""
    joints = angles.shape[0]
    frames = np.empty((joints, 3, 3))
    ends = np.zeros((joints + 1, 3))
    axes = np.empty((joints, 3, 3))
    turn = np.eye(3)
    for j in range(joints):
        cx, sx = np.cos(angles[j, 0]), np.sin(angles[j, 0])
        cy, sy = np.cos(angles[j, 1]), np.sin(angles[j, 1])
        cz, sz = np.cos(angles[j, 2]), np.sin(angles[j, 2])
        for a in range(3):
            t0, t1, t2 = turn[a, 0], turn[a, 1], turn[a, 2]
            z0 = t0 * cz + t1 * sz
            z1 = t1 * cz - t0 * sz
            y0 = z0 * cy - t2 * sy
            y2 = z0 * sy + t2 * cy
            axes[j, 2, a] = t2
            axes[j, 1, a] = z1
            axes[j, 0, a] = y0
            turn[a, 0] = y0
            turn[a, 1] = z1 * cx + y2 * sx
            turn[a, 2] = y2 * cx - z1 * sx
        for a in range(3):
            frames[j, a, 0] = turn[a, 0]
            frames[j, a, 1] = turn[a, 1]
            frames[j, a, 2] = turn[a, 2]
            reach = turn[a, 0] * bones[j, 0] + turn[a, 1] * bones[j, 1] + turn[a, 2] * bones[j, 2]
            ends[j + 1, a] = ends[j, a] + reach
    return frames, ends, axes


def misfit_hand(angles, bones, skin, bone_of, seen):
    """A force on each point is a force and a torque on its bone, handed down the chain.

    The derivative by an angle is the torque about the joint along the angle's axis.
    """
    frames, ends, axes = chain_hand(angles, bones)
    joints = angles.shape[0]
    force = np.zeros((joints, 3))
    torque = np.zeros((joints, 3))
    total = 0.0
    for p in range(skin.shape[0]):
        j = bone_of[p]
        s0, s1, s2 = skin[p, 0], skin[p, 1], skin[p, 2]
        x0 = frames[j, 0, 0] * s0 + frames[j, 0, 1] * s1 + frames[j, 0, 2] * s2
        x1 = frames[j, 1, 0] * s0 + frames[j, 1, 1] * s1 + frames[j, 1, 2] * s2
        x2 = frames[j, 2, 0] * s0 + frames[j, 2, 1] * s1 + frames[j, 2, 2] * s2
        f0 = ends[j, 0] + x0 - seen[p, 0]
        f1 = ends[j, 1] + x1 - seen[p, 1]
        f2 = ends[j, 2] + x2 - seen[p, 2]
        total += 0.5 * (f0 * f0 + f1 * f1 + f2 * f2)
        force[j, 0] += f0
        force[j, 1] += f1
        force[j, 2] += f2
        torque[j, 0] += x1 * f2 - x2 * f1
        torque[j, 1] += x2 * f0 - x0 * f2
        torque[j, 2] += x0 * f1 - x1 * f0
    angles_bar = np.empty((joints, 3))
    f0 = f1 = f2 = m0 = m1 = m2 = 0.0
    for j in range(joints - 1, -1, -1):
        # What the following bones carry acts at this bone's end.
        b0 = ends[j + 1, 0] - ends[j, 0]
        b1 = ends[j + 1, 1] - ends[j, 1]
        b2 = ends[j + 1, 2] - ends[j, 2]
        m0 += torque[j, 0] + b1 * f2 - b2 * f1
        m1 += torque[j, 1] + b2 * f0 - b0 * f2
        m2 += torque[j, 2] + b0 * f1 - b1 * f0
        f0 += force[j, 0]
        f1 += force[j, 1]
        f2 += force[j, 2]
        for a in range(3):
            angles_bar[j, a] = axes[j, a, 0] * m0 + axes[j, a, 1] * m1 + axes[j, a, 2] * m2
    return total, (angles_bar,)


def positions_hand(angles, bones, skin, bone_of):
    """The derivative of a place by an angle is the axis of the angle times the arm from its joint."""
    frames, ends, axes = chain_hand(angles, bones)
    made = np.empty((skin.shape[0], 3, angles.shape[0], 3))
    for p in range(skin.shape[0]):
        b = bone_of[p]
        s0, s1, s2 = skin[p, 0], skin[p, 1], skin[p, 2]
        x0 = ends[b, 0] + frames[b, 0, 0] * s0 + frames[b, 0, 1] * s1 + frames[b, 0, 2] * s2
        x1 = ends[b, 1] + frames[b, 1, 0] * s0 + frames[b, 1, 1] * s1 + frames[b, 1, 2] * s2
        x2 = ends[b, 2] + frames[b, 2, 0] * s0 + frames[b, 2, 1] * s1 + frames[b, 2, 2] * s2
        for j in range(b + 1):
            l0, l1, l2 = x0 - ends[j, 0], x1 - ends[j, 1], x2 - ends[j, 2]
            for a in range(3):
                made[p, 0, j, a] = axes[j, a, 1] * l2 - axes[j, a, 2] * l1
                made[p, 1, j, a] = axes[j, a, 2] * l0 - axes[j, a, 0] * l2
                made[p, 2, j, a] = axes[j, a, 0] * l1 - axes[j, a, 1] * l0
        made[p, :, b + 1 :] = 0.0
    return (made,)


def arguments(joints: int) -> tuple[Any, ...]:
    """A chain of `joints` joints with 20 points on each bone."""
    rng = np.random.default_rng(0)
    bones = np.array([0.0, 0.0, 1.0]) + 0.1 * rng.normal(size=(joints, 3))
    skin = 0.3 * rng.normal(size=(joints * POINTS_PER_BONE, 3))
    bone_of = np.repeat(np.arange(joints), POINTS_PER_BONE)
    seen = 0.3 * rng.normal(size=skin.shape) * joints
    return 0.3 * rng.normal(size=(joints, 3)), bones, skin, bone_of, seen


def place_arguments(joints: int) -> tuple[Any, ...]:
    """The same without observations."""
    return arguments(joints)[:4]


def jax_positions() -> Function:
    import jax
    import jax.numpy as jnp
    from jax import lax

    def rotation(angles):
        (cx, cy, cz), (sx, sy, sz) = jnp.cos(angles), jnp.sin(angles)
        about_x = jnp.array([[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]])
        about_y = jnp.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
        about_z = jnp.array([[cz, -sz, 0.0], [sz, cz, 0.0], [0.0, 0.0, 1.0]])
        return about_z @ about_y @ about_x

    def places(angles, bones, skin, bone_of):
        def joint(state, inputs):
            turn, end = state
            turning, bone = inputs
            turn = turn @ turning
            return (turn, end + turn @ bone), (turn, end)

        _, (frames, ends) = lax.scan(joint, (jnp.eye(3), jnp.zeros(3)), (jax.vmap(rotation)(angles), bones))
        return ends[bone_of] + jnp.einsum("pab,pb->pa", frames[bone_of], skin)

    return places


def jax_jacobian() -> Function:
    import jax

    return jax.jacfwd(jax_positions(), (0,))


def jax_misfit() -> Function:
    import jax.numpy as jnp

    places = jax_positions()

    def error(angles, bones, skin, bone_of, seen):
        return 0.5 * jnp.sum((places(angles, bones, skin, bone_of) - seen) ** 2)

    return error


def torch_function() -> Function:
    import torch

    def error(angles, bones, skin, bone_of, seen):
        cosines, sines = torch.cos(angles), torch.sin(angles)
        (cx, cy, cz), (sx, sy, sz) = cosines.T, sines.T
        one, zero = torch.ones_like(cx), torch.zeros_like(cx)
        shape = (len(angles), 3, 3)
        about_x = torch.stack([one, zero, zero, zero, cx, -sx, zero, sx, cx], 1).reshape(shape)
        about_y = torch.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy], 1).reshape(shape)
        about_z = torch.stack([cz, -sz, zero, sz, cz, zero, zero, zero, one], 1).reshape(shape)
        turn, end = torch.eye(3, dtype=angles.dtype), torch.zeros(3, dtype=angles.dtype)
        frames, ends = [], []
        for turning, bone in zip(about_z @ about_y @ about_x, bones, strict=True):
            turn = turn @ turning
            frames.append(turn)
            ends.append(end)
            end = end + turn @ bone
        placed = torch.stack(ends)[bone_of] + (torch.stack(frames)[bone_of] @ skin[:, :, None])[:, :, 0]
        return 0.5 * ((placed - seen) ** 2).sum()

    return error


SIZES = (2, 6, 12, 25, 100)
CASES = (
    Case(
        name="hand_jacobian",
        family="adbench",
        fn=positions,
        args=place_arguments,
        sizes=SIZES,
        argnums=(0,),
        jacobian=True,
        hand=positions_hand,
        jax=jax_jacobian,
        note="all places by all angles, 20 points a bone; size: joints",
    ),
    Case(
        name="hand",
        family="adbench",
        fn=misfit,
        args=arguments,
        sizes=SIZES,
        argnums=(0,),
        hand=misfit_hand,
        jax=jax_misfit,
        torch=torch_function,
        note="20 points a bone, products of 3 × 3 matrices; size: joints",
    ),
)
