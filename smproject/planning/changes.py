"""What publishing would do, as plain data: stacks, portfolios, products, uploads and domains."""

from dataclasses import dataclass

from smproject.planning.matching import covers
from smproject.planning.templates import TemplateChange
from smproject.publishing.tag_options import Tag

NEW, UPDATE, UNCHANGED, BLOCKED = "new", "update", "unchanged", "blocked"


@dataclass(frozen=True)
class Value:
    """What a stack is given otherwise than before; `before` is None where it had none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class StackChange:
    """What becomes of a stack, and why it can't be brought up to date, when it is blocked."""

    name: str
    action: str
    reason: str = ""
    values: tuple[Value, ...] = ()
    template: TemplateChange | None = None


@dataclass(frozen=True)
class PortfolioChange:
    """What becomes of a portfolio: its stack, its tag options, and who may use it."""

    id: str
    name: str
    stack: StackChange
    principal: Value
    add_tags: tuple[Tag, ...] = ()
    remove_tags: tuple[Tag, ...] = ()

    @property
    def widened(self) -> bool:
        """Whether people may use it whom it was not for."""
        before, after = self.principal.before, self.principal.after
        return before is not None and not covers(before, after or "")

    @property
    def action(self) -> str:
        """New, update, unchanged or blocked."""
        tagged = self.stack.action == UNCHANGED and (self.add_tags or self.remove_tags)
        return UPDATE if tagged else self.stack.action


@dataclass(frozen=True)
class ProductChange:
    """What becomes of a product: its stack, if it has one, and its versions.

    `before` and `after` name the content of the template that people get now, and then; `create`, `deprecate` and
    `retire` are names of versions. `template` is None where there is nothing to compare; then `note` says why.
    """

    id: str
    action: str
    before: str | None
    after: str
    create: str | None = None
    deprecate: tuple[str, ...] = ()
    retire: tuple[str, ...] = ()
    stack: StackChange | None = None
    launch_role: Value | None = None
    template: TemplateChange | None = None
    note: str = ""


@dataclass(frozen=True)
class Upload:
    """A file to be put into the bucket or the folder; `only_tags` where its content is right."""

    key: str
    size: int
    only_tags: bool = False


@dataclass(frozen=True)
class Plan:
    """All that publishing would do; `place` is the bucket or the folder."""

    target: str
    place: str
    stacks: tuple[StackChange, ...] = ()
    portfolios: tuple[PortfolioChange, ...] = ()
    products: tuple[ProductChange, ...] = ()
    uploads: tuple[Upload, ...] = ()
    # Studio domains that would get the tag.
    domains: tuple[str, ...] = ()

    @property
    def every_stack(self) -> tuple[StackChange, ...]:
        """The hub's stacks, those of portfolios and those of products."""
        own = [each.stack for each in self.products if each.stack]
        return (*self.stacks, *(each.stack for each in self.portfolios), *own)

    @property
    def changed(self) -> bool:
        """Whether publishing would have anything to do."""
        actions = [
            *(each.action for each in self.every_stack),
            *(each.action for each in self.portfolios),
            *(each.action for each in self.products),
        ]
        return bool(self.uploads or self.domains) or any(each != UNCHANGED for each in actions)

    @property
    def blocked(self) -> tuple[str, ...]:
        """Why publishing would stop before its end."""
        return tuple(each.reason for each in self.every_stack if each.action == BLOCKED)

    @property
    def widened(self) -> int:
        """How many rights are more than before, or may be."""
        templates = [*(each.template for each in self.every_stack), *(each.template for each in self.products)]
        return sum(each.widened for each in self.portfolios) + sum(len(each.widened) for each in templates if each)
