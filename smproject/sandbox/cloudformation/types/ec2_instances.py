"""EC2 instances, network interfaces, launch templates and key pairs: kept and described, but nothing runs here."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from smproject.sandbox.cloudformation.api import Setting, call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.resource_policies import SIGNALLED
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.types.ec2 import Ec2

_ROOT_GIB = 8  # of the images that the sandbox knows
_MONITORING = "Monitoring"
_FLAGS = {
    name: Setting("ModifyInstanceAttribute", lambda value, name=name: {name: {"Value": value}}, default=default)  # type: ignore[misc]
    for name, default in {"DisableApiTermination": False, "SourceDestCheck": True}.items()
}
_INTERFACE = {
    "GroupSet": Setting("ModifyNetworkInterfaceAttribute", lambda groups: {"Groups": groups}),
    "SourceDestCheck": Setting(
        "ModifyNetworkInterfaceAttribute", lambda value: {"SourceDestCheck": {"Value": value}}, default=True
    ),
}
_INSTANCE = (
    *("AvailabilityZone", "BlockDeviceMappings", "EbsOptimized", "IamInstanceProfile", "ImageId", "InstanceType"),
    *("InstanceInitiatedShutdownBehavior", "KeyName", "LaunchTemplate", "MetadataOptions", "NetworkInterfaces"),
    *("PrivateIpAddress", "SecurityGroupIds", "SecurityGroups", "SubnetId", "Tags", "UserData", _MONITORING),
)
_EBS = ("DeleteOnTermination", "Encrypted", "KmsKeyId", "SnapshotId", "VolumeSize", "VolumeType")


@provides
class Instance(Ec2):
    """An instance: its service describes it, but no machine runs, and nothing executes its user data."""

    type, tagged_as, settings, obeys = "AWS::EC2::Instance", "instance", _FLAGS, SIGNALLED
    creates, delete_member = "RunInstances", "InstanceId"

    def translate(self, properties: Properties) -> Properties:
        """Write the properties as the API nests them; what EC2 here would forget is refused."""
        known(properties, *_INSTANCE)
        plain = dict(properties)
        if "AvailabilityZone" in plain:
            plain["Placement"] = {"AvailabilityZone": plain.pop("AvailabilityZone")}
        if "IamInstanceProfile" in plain:
            plain["IamInstanceProfile"] = {"Name": plain["IamInstanceProfile"]}
        if _MONITORING in plain:
            plain[_MONITORING] = {"Enabled": plain[_MONITORING]}
        if "UserData" in plain:
            plain["UserData"] = decoded(plain["UserData"])
        if "BlockDeviceMappings" in plain:
            plain["BlockDeviceMappings"] = [_device(each) for each in plain["BlockDeviceMappings"] if _is_volume(each)]
        renamed = {"GroupSet": "Groups"}
        interfaces = [{renamed.get(k, k): v for k, v in each.items()} for each in plain.get("NetworkInterfaces", [])]
        given = {"NetworkInterfaces": interfaces} if interfaces else {}
        return super().translate(plain | given) | {"MinCount": 1, "MaxCount": 1}

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the instance's id."""
        name = answer["Instances"][0]["InstanceId"]
        return Made(name, {"InstanceId": name})

    def _read(self, client: Any, made: Made) -> Made:
        """Find the instance's addresses and where it is."""
        [told] = client.describe_instances(InstanceIds=[made.ref])["Reservations"][0]["Instances"]
        found = {
            "AvailabilityZone": told["Placement"]["AvailabilityZone"],
            "PrivateDnsName": told.get("PrivateDnsName", ""),
            "PrivateIp": told.get("PrivateIpAddress", ""),
            "PublicDnsName": told.get("PublicDnsName", ""),
            "PublicIp": told.get("PublicIpAddress", ""),
            "VpcId": told.get("VpcId", ""),
        }
        return Made(made.ref, made.attributes | found)

    def delete(self, context: Context, made: Made) -> None:
        """Terminate the instance."""
        remove(context.client("ec2"), "TerminateInstances", {"InstanceIds": [made.ref]})


def decoded(data: Any) -> str:
    """Return user data as text; raises ValueError for what is not in base 64."""
    try:
        return base64.b64decode(text(data), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("Invalid BASE64 encoding of user data.") from error


def _is_volume(device: Properties) -> bool:
    """Tell whether a device is a volume; disks of the host (VirtualName) no description of an instance shows."""
    return "VirtualName" not in device


def _device(device: Properties) -> Properties:
    if "NoDevice" in device:
        return device | {"NoDevice": ""}
    volume = device.get("Ebs", {})
    known(volume, *_EBS)
    return device | {
        "Ebs": volume if {"VolumeSize", "SnapshotId"} & set(volume) else {"VolumeSize": _ROOT_GIB} | volume
    }


@provides
class NetworkInterface(Ec2):
    """A network interface."""

    type, tagged_as, settings = "AWS::EC2::NetworkInterface", "network-interface", _INTERFACE
    creates, deletes, delete_member = "CreateNetworkInterface", "DeleteNetworkInterface", "NetworkInterfaceId"

    def translate(self, properties: Properties) -> Properties:
        """Take what an interface here keeps."""
        kept = ("Description", "PrivateIpAddress", "PrivateIpAddresses", "SecondaryPrivateIpAddressCount", "SubnetId")
        known(properties, "Tags", *kept)
        return super().translate(properties)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id; the addresses are known with it."""
        told = answer["NetworkInterface"]
        others = [each["PrivateIpAddress"] for each in told.get("PrivateIpAddresses", []) if not each.get("Primary")]
        addresses = {"PrimaryPrivateIpAddress": told.get("PrivateIpAddress", ""), "SecondaryPrivateIpAddresses": others}
        return Made(told["NetworkInterfaceId"], {"Id": told["NetworkInterfaceId"], "VpcId": told["VpcId"]} | addresses)


@provides
class LaunchTemplate(Ec2):
    """A launch template; an update makes a new version of it, as on AWS."""

    type, tagged_as = "AWS::EC2::LaunchTemplate", "launch-template"
    creates, deletes, delete_member = "CreateLaunchTemplate", "DeleteLaunchTemplate", "LaunchTemplateId"
    name_property, name_limit = "LaunchTemplateName", 128

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        told = answer["LaunchTemplate"]
        numbers = {name: text(told[name]) for name in ("DefaultVersionNumber", "LatestVersionNumber")}
        return Made(told["LaunchTemplateId"], {"LaunchTemplateId": told["LaunchTemplateId"]} | numbers)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Make a new version, which is the latest; the default stays."""
        updatable(before, after, "LaunchTemplateData", "VersionDescription")
        if not changed(before, after):
            return made
        wanted = {name: after[name] for name in ("LaunchTemplateData", "VersionDescription") if name in after}
        request = {"LaunchTemplateId": made.ref} | wanted
        told = call(context.client("ec2"), "CreateLaunchTemplateVersion", request)["LaunchTemplateVersion"]
        return Made(made.ref, made.attributes | {"LatestVersionNumber": text(told["VersionNumber"])})


@provides
class KeyPair(Ec2):
    """A key pair; a new one's private key lies in Systems Manager, under `/ec2/keypair/` and the pair's id."""

    type, tagged_as, ref, deletes = "AWS::EC2::KeyPair", "key-pair", "KeyName", "DeleteKeyPair"
    delete_member = "KeyName"

    def create(self, context: Context, properties: Properties) -> Made:
        """Import the public key that is given, or make a pair and keep its private key."""
        known(properties, "KeyName", "KeyType", "PublicKeyMaterial", "Tags")
        ec2, wanted = context.client("ec2"), self.translate(properties)
        made = call(ec2, "ImportKeyPair" if "PublicKeyMaterial" in wanted else "CreateKeyPair", wanted)
        name, told = properties["KeyName"], {"KeyPairId": made["KeyPairId"], "KeyFingerprint": made["KeyFingerprint"]}
        if "KeyMaterial" in made:
            with undone_on_failure(lambda: call(ec2, "DeleteKeyPair", {"KeyName": name})):
                secret = {"Name": _parameter(told), "Type": "SecureString", "Value": made["KeyMaterial"]}
                context.client("ssm").put_parameter(**secret)
        return Made(name, told)

    def delete(self, context: Context, made: Made) -> None:
        """Delete the pair and its private key."""
        super().delete(context, made)
        remove(context.client("ssm"), "DeleteParameter", {"Name": _parameter(made.attributes)})


def _parameter(told: Properties) -> str:
    return f"/ec2/keypair/{told['KeyPairId']}"
