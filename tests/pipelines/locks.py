"""A promotion lock in memory, which can be lost."""

import math

from pipelines.errors import PromotionLocked


class Held:
    """A lock that is held for so many checks, by default for ever."""

    def __init__(self, checks=math.inf):
        self.left = checks

    def check(self):
        self.left -= 1
        if self.left < 0:
            raise PromotionLocked("lost")
