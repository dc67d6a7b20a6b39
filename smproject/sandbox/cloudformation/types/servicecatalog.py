"""Service Catalog: portfolios, and what is associated with them."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.api import call, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import plain, spelled

_PORTFOLIO = ("DisplayName", "ProviderName", "Description")
LANGUAGE = "AcceptLanguage"  # of messages, which are English here


@provides
class Portfolio(Provider):
    """A portfolio."""

    type = "AWS::ServiceCatalog::Portfolio"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the portfolio."""
        more = {"Tags": spelled(properties.get("Tags")), "IdempotencyToken": context.name(60)}
        detail = call(context.client("servicecatalog"), "CreatePortfolio", properties | more)["PortfolioDetail"]
        return Made(detail["Id"], {"Id": detail["Id"], "PortfolioName": detail["DisplayName"]})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change what the portfolio is called and says, and its tags."""
        updatable(before, after, "Tags", LANGUAGE, *_PORTFOLIO)
        named = {name: after.get(name, "") for name in _PORTFOLIO}
        client = context.client("servicecatalog")
        call(client, "UpdatePortfolio", {"Id": made.ref, **named, **retagged(before, after)})
        return Made(made.ref, made.attributes | {"PortfolioName": after["DisplayName"]})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the portfolio, which must be empty."""
        remove(context.client("servicecatalog"), "DeletePortfolio", {"Id": made.ref})


def retagged(before: Properties, after: Properties) -> Properties:
    """Return the members by which an update of Service Catalog changes tags."""
    old, new = plain(before.get("Tags")), plain(after.get("Tags"))
    return {"AddTags": spelled(new), "RemoveTags": sorted(set(old) - set(new))}


class Association(Provider):
    """Two things that are associated: `Ref` holds the pair; either of them replaces the association."""

    associates: ClassVar[str]
    disassociates: ClassVar[str]
    pair: ClassVar[tuple[str, ...]]
    changes: ClassVar[tuple[str, ...]] = (LANGUAGE,)  # in place
    kept: ClassVar[tuple[str, ...]] = ()  # which the deletion names besides

    def create(self, context: Context, properties: Properties) -> Made:
        """Associate."""
        call(context.client("servicecatalog"), self.associates, properties)
        names = {name: properties[name] for name in (*self.pair, *self.kept) if name in properties}
        return Made("|".join(str(properties[name]) for name in self.pair), {"_": names})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Refuse all changes but those of no effect."""
        updatable(before, after, *self.changes)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Disassociate."""
        remove(context.client("servicecatalog"), self.disassociates, made.attributes["_"])


@provides
class ProductAssociation(Association):
    """A product in a portfolio."""

    type = "AWS::ServiceCatalog::PortfolioProductAssociation"
    associates, disassociates = "AssociateProductWithPortfolio", "DisassociateProductFromPortfolio"
    pair = ("PortfolioId", "ProductId")


@provides
class PrincipalAssociation(Association):
    """Who may use a portfolio."""

    type = "AWS::ServiceCatalog::PortfolioPrincipalAssociation"
    associates, disassociates = "AssociatePrincipalWithPortfolio", "DisassociatePrincipalFromPortfolio"
    pair, kept = ("PortfolioId", "PrincipalARN"), ("PrincipalType",)


@provides
class TagOptionAssociation(Association):
    """A tag option of a portfolio or product."""

    type = "AWS::ServiceCatalog::TagOptionAssociation"
    associates, disassociates = "AssociateTagOptionWithResource", "DisassociateTagOptionFromResource"
    pair = ("TagOptionId", "ResourceId")


@provides
class PortfolioShare(Association):
    """A portfolio that is offered to an account."""

    type = "AWS::ServiceCatalog::PortfolioShare"
    associates, disassociates = "CreatePortfolioShare", "DeletePortfolioShare"
    pair, changes = ("PortfolioId", "AccountId"), (LANGUAGE, "ShareTagOptions")

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change whether tag options are lent too."""
        made = super().update(context, made, before, after)
        lends = {"ShareTagOptions": after.get("ShareTagOptions", False)}
        call(context.client("servicecatalog"), "UpdatePortfolioShare", made.attributes["_"] | lends)
        return made


@provides
class AcceptedPortfolioShare(Association):
    """A portfolio that was offered, and is accepted."""

    type = "AWS::ServiceCatalog::AcceptedPortfolioShare"
    associates, disassociates = "AcceptPortfolioShare", "RejectPortfolioShare"
    pair = ("PortfolioId",)


@provides
class TagOption(Provider):
    """A tag that provisioned products get, or a value that may be chosen for it."""

    type = "AWS::ServiceCatalog::TagOption"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the option, which counts unless the template says otherwise."""
        client, named = context.client("servicecatalog"), {name: properties[name] for name in ("Key", "Value")}
        option = call(client, "CreateTagOption", named)["TagOptionDetail"]["Id"]
        made = Made(option, {"Id": option})
        with undone_on_failure(lambda: self.delete(context, made)):
            return self.update(context, made, named, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Let the option count, or not."""
        updatable(before, after, "Active")
        if changed({"Active": True} | before, {"Active": True} | after):
            active = {"Id": made.ref, "Active": after.get("Active", True)}
            call(context.client("servicecatalog"), "UpdateTagOption", active)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the option, which must not be associated."""
        remove(context.client("servicecatalog"), "DeleteTagOption", {"Id": made.ref})
