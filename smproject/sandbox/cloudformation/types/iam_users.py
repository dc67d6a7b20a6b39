"""IAM's users and groups, who is in which, and users' access keys."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import Setting, call, known, remove, settle, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging
from smproject.sandbox.cloudformation.types.iam_identities import GROUP, USER

_POLICIES = ("Policies", "ManagedPolicyArns")
_LOGIN = {
    "LoginProfile": Setting(
        "CreateLoginProfile",
        lambda profile: {
            "Password": profile["Password"],
            "PasswordResetRequired": profile.get("PasswordResetRequired", False),
        },
        "DeleteLoginProfile",
    )
}
_STATUS = {"Status": Setting("UpdateAccessKey", lambda status: {"Status": status}, default="Active")}
_USER_TAGS = Tagging("UserName", "TagUser", "UntagUser")


@provides
class User(Provider):
    """A user with policies, groups and a password."""

    type = "AWS::IAM::User"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the user, then what it has."""
        known(properties, "UserName", "Path", "PermissionsBoundary", "Groups", "Tags", *_POLICIES, *_LOGIN)
        iam, name = context.client("iam"), properties.get("UserName") or context.name(64)
        wanted = {k: v for k, v in properties.items() if k in ("Path", "PermissionsBoundary", "Tags")}
        user = call(iam, "CreateUser", wanted | {"UserName": name})["User"]
        made = Made(name, {"Arn": user["Arn"]})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._bring(iam, name, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change groups, policies, password, path and tags."""
        updatable(before, after, "Path", "Groups", "Tags", *_POLICIES, *_LOGIN)
        iam, differ = context.client("iam"), changed(before, after)
        if "Path" in differ:
            iam.update_user(UserName=made.ref, NewPath=after.get("Path", "/"))
        if "LoginProfile" in differ:
            remove(iam, "DeleteLoginProfile", {"UserName": made.ref})
        self._bring(iam, made.ref, before, after)
        _USER_TAGS.update(iam, made.ref, before, after)
        return Made(made.ref, {"Arn": iam.get_user(UserName=made.ref)["User"]["Arn"]})

    def _bring(self, iam: Any, name: str, before: Properties, after: Properties) -> None:
        had, wanted = (set(side.get("Groups", [])) for side in (before, after))
        for group in sorted(wanted - had):
            iam.add_user_to_group(UserName=name, GroupName=group)
        for group in sorted(had - wanted):
            remove(iam, "RemoveUserFromGroup", {"UserName": name, "GroupName": group})
        settle(iam, {"UserName": name}, _LOGIN, before, after)
        USER.put_policies(iam, name, before, after)

    def delete(self, context: Context, made: Made) -> None:
        """Take everything from the user that would keep it, then delete it."""
        iam = context.client("iam")
        remove(iam, "DeleteLoginProfile", {"UserName": made.ref})
        for group in iam.list_groups_for_user(UserName=made.ref)["Groups"]:
            iam.remove_user_from_group(UserName=made.ref, GroupName=group["GroupName"])
        USER.clear(iam, made.ref)
        iam.delete_user(UserName=made.ref)


@provides
class Group(Provider):
    """A group with its policies."""

    type = "AWS::IAM::Group"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group and put its policies."""
        known(properties, "GroupName", "Path", *_POLICIES)
        iam, name = context.client("iam"), properties.get("GroupName") or context.name(128)
        path = {"Path": properties["Path"]} if "Path" in properties else {}
        made = Made(name, {"Arn": iam.create_group(GroupName=name, **path)["Group"]["Arn"]})
        with undone_on_failure(lambda: self.delete(context, made)):
            GROUP.put_policies(iam, name, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the policies."""
        updatable(before, after, *_POLICIES)
        GROUP.put_policies(context.client("iam"), made.ref, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Take the group's policies away, then delete it."""
        iam = context.client("iam")
        GROUP.clear(iam, made.ref)
        iam.delete_group(GroupName=made.ref)


@provides
class UserToGroupAddition(Provider):
    """Users put into a group."""

    type = "AWS::IAM::UserToGroupAddition"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put each user into the group."""
        name = context.name(128)
        made = Made(name, {"Id": name, "_group": properties["GroupName"], "_users": []})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._add(context, made, properties["Users"])
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the users into the group that are to be there, take the others out."""
        now = Made(made.ref, made.attributes | {"_group": after["GroupName"], "_users": []})
        self._add(context, now, after["Users"])
        same = before["GroupName"] == after["GroupName"]
        left = sorted(set(before["Users"]) - (set(after["Users"]) if same else set()))
        self.delete(context, Made(made.ref, made.attributes | {"_users": left, "_group": before["GroupName"]}))
        return now

    def _add(self, context: Context, made: Made, users: list[str]) -> None:
        for user in users:
            context.client("iam").add_user_to_group(UserName=user, GroupName=made.attributes["_group"])
            made.attributes["_users"].append(user)

    def delete(self, context: Context, made: Made) -> None:
        """Take the users out of the group; who isn't in it is out."""
        for user in made.attributes["_users"]:
            members = {"UserName": user, "GroupName": made.attributes["_group"]}
            remove(context.client("iam"), "RemoveUserFromGroup", members)


@provides
class AccessKey(Simple):
    """A user's access key, whose secret only its creation tells."""

    type, service = "AWS::IAM::AccessKey", "iam"
    creates, deletes, delete_member = "CreateAccessKey", "DeleteAccessKey", "AccessKeyId"
    place = ("UserName",)
    settings = _STATUS

    def translate(self, properties: Properties) -> Properties:
        """Leave out `Serial`, which is there to ask for a new key by a change."""
        return {name: item for name, item in properties.items() if name != "Serial"}

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the key's id."""
        key = answer["AccessKey"]
        return Made(key["AccessKeyId"], {"Id": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]})
