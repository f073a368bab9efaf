"""Makes the picture of `docs/editing.md` with the networks of the demo; part of `make screenshots`.

Needs `make reproduce`, whose people and voices it takes.
"""

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from segtalker.inference.edits import EditTexts
from segtalker.inference.talk_options import TalkOptions
from segtalker.inference.talker import Talker

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "results" / "demo" / "generate" / "samples"
PORTRAIT, OTHER, THIRD = (SAMPLES / f"{name}_00.png" for name in ("s018", "s019", "s020"))
EDITS = {
    "as it is": None,
    "--colour hair=#7a2c1c": EditTexts(colours=["hair=#7a2c1c"]),
    "--colour lip=#a02030:0.5": EditTexts(colours=["lip=#a02030:0.5"]),
    "--swap hair=s019_00.png": EditTexts(swaps=[f"hair={OTHER}"]),
    "--swap face=s020_00.png": EditTexts(swaps=[f"face={THIRD}"]),
    "--shape hair:grow=6": EditTexts(shapes=["hair:grow=6"]),
    "--background '#2c7873'": EditTexts(background="#2c7873"),
    "--background transparent": EditTexts(background="transparent"),
}
_COLUMNS, _CAPTION_PX, _SQUARE_PX, _QUALITY = 4, 24, 12, 90


def _shown(picture: Image.Image) -> Image.Image:
    """A picture, what is transparent over a chequered ground."""
    ground = Image.new("RGBA", picture.size, "#ffffff")
    draw = ImageDraw.Draw(ground)
    for row in range(0, picture.height, _SQUARE_PX):
        for column in range(row % (2 * _SQUARE_PX), picture.width, 2 * _SQUARE_PX):
            draw.rectangle((column, row, column + _SQUARE_PX - 1, row + _SQUARE_PX - 1), fill="#cccccc")
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def main() -> None:
    """Edits one portrait in each way, and lays the results side by side."""
    talker, pictures = Talker.load("demo", root=ROOT), []
    with tempfile.TemporaryDirectory() as folder:
        for texts in EDITS.values():
            out = PORTRAIT if texts is None else Path(folder) / "edit.png"
            if texts is not None:
                talker.edit(PORTRAIT, out, texts.parse(), TalkOptions())
            with Image.open(out) as picture:
                pictures.append(_shown(picture))
    width, height = pictures[0].width, pictures[0].height + _CAPTION_PX
    sheet = Image.new("RGB", (width * _COLUMNS, height * -(-len(pictures) // _COLUMNS)), "#ffffff")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, (caption, picture) in enumerate(zip(EDITS, pictures, strict=True)):
        row, column = divmod(number, _COLUMNS)
        sheet.paste(picture, (column * width, row * height))
        draw.text((column * width + 6, row * height + picture.height + 4), caption, "#222222", font)
    sheet.save(ROOT / "docs" / "images" / "editing.jpg", quality=_QUALITY, optimize=True)


if __name__ == "__main__":
    main()
