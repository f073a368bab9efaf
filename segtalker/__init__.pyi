# the imports that a type checker sees and a program makes only when it asks, see `__init__.py`
from segtalker.inference.edits import Edits as Edits
from segtalker.inference.edits import RegionColour as RegionColour
from segtalker.inference.edits import ShapeEdit as ShapeEdit
from segtalker.inference.edits import Swap as Swap
from segtalker.inference.talk_options import TalkOptions as TalkOptions
from segtalker.inference.talker import Talker as Talker

__version__: str
