"""Who speaks: codes of the regions from frames of the source, for each pose of the head from a frame near in pose."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segtalker.faces.head_pose import PoseReferences, head_poses
from segtalker.regions import LIP, MOUTH


@dataclass(frozen=True)
class Identity:
    """Who speaks.

    Args:
        index: of the reference frame.
        mask: its regions, `(H, W)`, uint8.
        landmarks: `(68, 2)`, float32, pixels.
        codes: of each reference pose, `(R, K, D)`, float32, that of the reference frame in front.
        poses: the reference poses, see `segtalker.faces.head_pose.head_poses`, `(R, P)`.
        references: how they were chosen.
    """

    index: int
    mask: np.ndarray
    landmarks: np.ndarray
    codes: Tensor
    poses: np.ndarray
    references: PoseReferences

    def codes_at(self, landmarks: np.ndarray) -> Tensor:
        """Codes for the poses of some frames.

        Args:
            landmarks: of these frames, `(T, 68, 2)`, pixels.

        Returns:
            `(T, K, D)`; `(1, K, D)` where there is one reference pose.
        """
        if len(self.codes) == 1:
            return self.codes
        shares = torch.from_numpy(self.references.shares(head_poses(landmarks), self.poses)).to(self.codes)
        # one product of matrices, for a code is as large as a picture
        return (shares @ self.codes.flatten(1)).view(-1, *self.codes.shape[1:])


def one_mouth(codes: Tensor) -> Tensor:
    """Gives every pose, `(R, K, D)`, the lips and mouth of the first.

    So no frame but the reference frame shows its own mouth to the network, and a mouth that other frames hold shut is
    everywhere the one that is open.
    """
    codes[1:, [LIP, MOUTH]] = codes[0, [LIP, MOUTH]]
    return codes
