"""CPBD one pixel after the other, as its definition reads: every filter, edge, width and block a loop over pixels.

Images are lists of lists, which Python reads faster than single elements of an array.
"""

import math

from segtalker.metrics.cpbd import (
    _CANNY_BINS,
    _CANNY_SIGMA,
    _CANNY_TAPS,
    _NOT_EDGES,
    _THRESHOLD_RATIO,
    BLOCK,
)

Image = list[list[float]]
_BETA = 3.6


def _clamped(value: int, count: int) -> int:
    return min(max(value, 0), count - 1)


def _convolve(image: Image, kernel: list[float], along_rows: bool) -> Image:
    height, width = len(image), len(image[0])
    middle = len(kernel) // 2
    out = []
    for y in range(height):
        row = []
        for x in range(width):
            total = 0.0
            for tap, weight in enumerate(kernel):
                step = middle - tap
                if along_rows:
                    total += weight * image[y][_clamped(x + step, width)]
                else:
                    total += weight * image[_clamped(y + step, height)][x]
            row.append(total)
        out.append(row)
    return out


def _kernels() -> tuple[list[float], list[float]]:
    places = [tap - (_CANNY_TAPS - 1) / 2 for tap in range(_CANNY_TAPS)]
    bell = [math.exp(-(place**2) / (2 * _CANNY_SIGMA**2)) for place in places]
    bell = [value / sum(bell) for value in bell]
    ends = [bell[1] - bell[0], *((c - a) / 2 for a, c in zip(bell, bell[2:], strict=False)), bell[-1] - bell[-2]]
    up, down = sum(v for v in ends if v > 0), -sum(v for v in ends if v < 0)
    return bell, [value / (up if value > 0 else down) for value in ends]


def _is_ridge(size: Image, gx: float, gy: float, y: int, x: int) -> bool:
    step = -1 if gx * gy > 0 else 1
    share = min(abs(gx), abs(gy)) / max(abs(gx), abs(gy))
    for sign in (1, -1):
        straight = size[y][x + sign * step] if abs(gx) > abs(gy) else size[y - sign][x]
        diagonal = size[y - sign][x + sign * step]
        if size[y][x] < straight * (1 - share) + diagonal * share:
            return False
    return True


def plain_canny(image: Image) -> list[list[bool]]:
    """MATLAB's `edge(luma, 'canny')`."""
    bell, slope = _kernels()
    along = _convolve(_convolve(image, bell, along_rows=False), slope, along_rows=True)
    across = _convolve(_convolve(image, bell, along_rows=True), slope, along_rows=False)
    height, width = len(image), len(image[0])
    size = [[math.sqrt(along[y][x] ** 2 + across[y][x] ** 2) for x in range(width)] for y in range(height)]
    peak = max(max(row) for row in size) or 1.0
    size = [[value / peak for value in row] for row in size]
    counts = [0] * _CANNY_BINS
    for row in size:
        for value in row:
            counts[int(value * (_CANNY_BINS - 1) + 0.5)] += 1
    high = next(n + 1 for n in range(_CANNY_BINS) if sum(counts[: n + 1]) > _NOT_EDGES * height * width) / _CANNY_BINS
    weak = {
        (y, x)
        for y in range(1, height - 1)
        for x in range(1, width - 1)
        if size[y][x] > _THRESHOLD_RATIO * high and _is_ridge(size, along[y][x], across[y][x], y, x)
    }
    edges = [[False] * width for _ in range(height)]
    strong = [place for place in weak if size[place[0]][place[1]] > high]
    while strong:
        y, x = strong.pop()
        if not edges[y][x]:
            edges[y][x] = True
            strong += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (y + dy, x + dx) in weak]
    return edges


def plain_sobel(image: Image) -> list[list[bool]]:
    """MATLAB's `edge(luma, 'sobel', 2, 'vertical')`."""
    bell, slope = [1.0, 2.0, 1.0], [1.0, 0.0, -1.0]
    along = _convolve(_convolve(image, slope, along_rows=True), bell, along_rows=False)
    across = _convolve(_convolve(image, slope, along_rows=False), bell, along_rows=True)
    height, width = len(image), len(image[0])
    strength = [[(value / 8) ** 2 for value in row] for row in along]
    edges = [[False] * width for _ in range(height)]
    for y in range(height):
        for x in range(width):
            here = strength[y][x]
            left, right = strength[y][x - 1] if x else 0.0, strength[y][x + 1] if x + 1 < width else 0.0
            above, below = strength[y - 1][x] if y else 0.0, strength[y + 1][x] if y + 1 < height else 0.0
            upright = left <= here > right and abs(along[y][x]) >= abs(across[y][x])
            edges[y][x] = here > 4.0 and (upright or above <= here > below)
    return edges


def _width(row: list[float], column: int, sign: int) -> int:
    """Walks outwards from an edge while the luma keeps rising (1) or falling (-1) from left to right."""
    left = 0
    while column - 2 - left >= 0 and sign * (row[column - 1 - left] - row[column - 2 - left]) > 0:
        left += 1
    right = 0
    while column + 2 + right < len(row) and sign * (row[column + 2 + right] - row[column + 1 + right]) > 0:
        right += 1
    return min(left, 100) + 1 + min(right, 100) + 1


def plain_widths(image: Image, edges: list[list[bool]]) -> list[list[int]]:
    """Widths of edges whose gradient is horizontal; 0 elsewhere."""
    height, width = len(image), len(image[0])
    widths = [[0] * width for _ in range(height)]
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if not edges[y][x]:
                continue
            across, down = image[y][x + 1] - image[y][x - 1], image[y + 1][x] - image[y - 1][x]
            quantised = 45 * round(math.degrees(math.atan2(down, across)) / 45) if across else 0
            if quantised in (0, 180, -180):
                widths[y][x] = _width(image[y], x, 1 if quantised == 0 else -1)
    return widths


def plain_score(image: Image, strong: list[list[bool]], widths: list[list[int]]) -> float:
    """Share of edges not seen as blurred."""
    sharp = total = 0
    for top in range(0, len(image) // BLOCK * BLOCK, BLOCK):
        for left in range(0, len(image[0]) // BLOCK * BLOCK, BLOCK):
            block = [(y, x) for y in range(top, top + BLOCK) for x in range(left, left + BLOCK)]
            if sum(strong[y][x] for y, x in block) <= 0.002 * BLOCK**2:
                continue
            values = [image[y][x] for y, x in block]
            limit = 5 if int(max(values) - min(values)) <= 50 else 3
            for y, x in block:
                if widths[y][x] > 0:
                    total += 1
                    sharp += round((1 - math.exp(-((widths[y][x] / limit) ** _BETA))) * 100) <= 63
    return sharp / total if total else 0.0


def plain_cpbd(image: Image) -> float:
    """CPBD of one image, luma in [0, 255]."""
    return plain_score(image, plain_canny(image), plain_widths(image, plain_sobel(image)))
