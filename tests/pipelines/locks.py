"""A promotion lock in memory, which can be lost."""

from pipelines.errors import PromotionLocked


class Held:
    """A lock that is held for so many checks."""

    def __init__(self, checks=1000):
        self.left = checks

    def check(self):
        self.left -= 1
        if self.left < 0:
            raise PromotionLocked("lost")
