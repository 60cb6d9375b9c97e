"""The part of the Amazon EC2 Query API that nestbox speaks, in memory.

Source: the EC2 API reference, version 2016-11-15, and its list of error codes. What is written
becomes visible to Describe calls after `invisible` of them; an instance is pending for `pending`
of them. With `machines` (machines.py) instances are real ones, else only said to run.
"""

import base64
import datetime
import ipaddress
import itertools
import re
from xml.sax.saxutils import escape

VERSION = "2016-11-15"


class Ec2Error(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.status, self.code = status, code


def error_body(code, message):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error></Errors>"
        "<RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
    ).encode()


def tag_set(tags):
    items = (f"<item><key>{escape(k)}</key><value>{escape(v)}</value></item>" for k, v in sorted(tags.items()))
    return f"<tagSet>{''.join(items)}</tagSet>"


class Ec2:
    def __init__(self):
        self.numbers = itertools.count(1)
        self.instances, self.images, self.groups, self.keys, self.snapshots = {}, {}, {}, {}, {}
        self.tokens = {}
        self.invisible = 0
        self.pending = 1
        self.address = "127.0.0.1"
        self.dies_at_boot = 0
        self.vcpus = 10**6
        self.machines = None
        self.console = "[    0.000000] Linux version 6.1.0\n"
        self.add_image("ami-0123456789abcdef0", "debian-12", {})

    def identifier(self, kind):
        return f"{kind}-{next(self.numbers):017x}"

    def add_image(self, identifier, name, tags, pending=0, snapshots=()):
        self.images[identifier] = {
            "name": name, "tags": tags, "pending": pending, "unseen": self.invisible, "snapshots": list(snapshots),
        }

    def handle(self, fields):
        if fields.get("Version") != VERSION:
            raise Ec2Error("InvalidParameterValue", "The API version is not supported")
        action = fields.get("Action", "")
        method = getattr(self, "do_" + action, None)
        if not method:
            raise Ec2Error("InvalidAction", f"The action {action} is not valid for this web service.")
        inner = method(fields)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<{action}Response xmlns="http://ec2.amazonaws.com/doc/{VERSION}/">'
            f"<requestId>8f7724cf-496f-496e-8fe3-example</requestId>{inner}</{action}Response>"
        ).encode()

    @staticmethod
    def listed(fields, prefix, suffix=""):
        numbered = [(int(m[1]), v) for k, v in fields.items() if (m := re.fullmatch(prefix + r"\.(\d+)" + suffix, k))]
        return [value for _, value in sorted(numbered)]

    @staticmethod
    def tags(fields, kind):
        found = {}
        for name, value in fields.items():
            match = re.fullmatch(r"TagSpecification\.(\d+)\.ResourceType", name)
            if not match or value != kind:
                continue
            for key, word in fields.items():
                inner = re.fullmatch(rf"TagSpecification\.{match[1]}\.Tag\.(\d+)\.Key", key)
                if inner:
                    found[word] = fields.get(f"TagSpecification.{match[1]}.Tag.{inner[1]}.Value", "")
        if any(len(key) > 128 or len(value) > 256 for key, value in found.items()):
            raise Ec2Error("InvalidParameterValue", "Tag value exceeds the maximum length")
        return found

    @staticmethod
    def passes(item, fields):
        for name, wanted in fields.items():
            match = re.fullmatch(r"Filter\.(\d+)\.Name", name)
            if not match:
                continue
            values = Ec2.listed(fields, rf"Filter\.{match[1]}\.Value")
            if wanted.startswith("tag:"):
                if item["tags"].get(wanted[4:]) not in values:
                    return False
            elif wanted == "instance-state-name":
                if item["state"] not in values:
                    return False
            elif wanted == "name":
                if item["name"] not in values:
                    return False
            else:
                raise Ec2Error("InvalidParameterValue", f"The filter '{wanted}' is invalid")
        return True

    @staticmethod
    def seen(item):
        if item.get("unseen", 0) > 0:
            item["unseen"] -= 1
            return False
        return True

    def do_RunInstances(self, fields):
        kinds = self.listed(fields, "TagSpecification", r"\.ResourceType")
        if "spot-instances-request" in kinds and fields.get("InstanceMarketOptions.MarketType") != "spot":
            raise Ec2Error("InvalidParameterCombination", "No spot instance is asked for")
        token = fields.get("ClientToken")
        if token in self.tokens:
            instance, asked = self.tokens[token]
            if asked != fields:
                raise Ec2Error("IdempotentParameterMismatch", "The request uses the same client token as a previous, but non-identical request.")
            return self.reservation([self.instances[instance]])
        image = fields.get("ImageId", "")
        if image not in self.images:
            raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")
        if fields.get("KeyName") and fields["KeyName"] not in self.keys:
            raise Ec2Error("InvalidKeyPair.NotFound", f"The key pair '{fields['KeyName']}' does not exist")
        groups = self.listed(fields, "SecurityGroupId") + self.listed(fields, r"NetworkInterface\.1\.SecurityGroupId")
        for group in groups:
            if group not in self.groups:
                raise Ec2Error("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
        if fields.get("MinCount") != "1" or fields.get("MaxCount") != "1":
            raise Ec2Error("InvalidParameterValue", "One instance at a time here")
        if len(base64.b64decode(fields.get("UserData", ""), validate=True)) > 16384:
            raise Ec2Error("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
        running = [i for i in self.instances.values() if i["state"] in ("pending", "running")]
        if len(running) >= self.vcpus:
            raise Ec2Error("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit")
        instance = {
            "id": self.identifier("i"), "state": "pending", "fields": dict(fields), "tags": self.tags(fields, "instance"),
            "left": self.pending, "unseen": self.invisible, "groups": groups, "reason": "",
        }
        if self.dies_at_boot:
            self.dies_at_boot -= 1
            instance["dies"] = True
        self.instances[instance["id"]] = instance
        if token:
            self.tokens[token] = (instance["id"], dict(fields))
        if self.machines:
            key, user_data = self.keys[fields["KeyName"]]["material"], base64.b64decode(fields.get("UserData", ""))
            self.machines.start(instance, key, image, user_data, self.lets_in)
        return self.reservation([instance])

    def lets_in(self, instance, peer, port):
        """Whether a group of the instance has a rule for who comes from this address."""
        for rule in (rule for group in instance["groups"] for rule in self.groups.get(group, {}).get("rules", [])):
            for name, network in rule.items():
                match = re.fullmatch(r"IpPermissions\.(\d+)\.IpRanges\.\d+\.CidrIp", name)
                if not match or ipaddress.ip_address(peer) not in ipaddress.ip_network(network):
                    continue
                first, last = (int(rule[f"IpPermissions.{match[1]}.{end}Port"]) for end in ("From", "To"))
                if first <= port <= last:
                    return True
        return False

    def reservation(self, instances):
        return "<reservationId>r-1234567890abcdef0</reservationId><ownerId>123456789012</ownerId>" + self.items(instances)

    def items(self, instances):
        text = ""
        for i in instances:
            address = i.get("address", self.address) if i["state"] == "running" else ""
            private = i.get("private_address", "10.0.0.5")
            launched = datetime.datetime(2026, 1, 1).isoformat()
            reason = f"<stateReason><code>{escape(i['reason'].split(':')[0])}</code><message>{escape(i['reason'])}</message></stateReason>" if i["reason"] else ""
            text += (
                f"<item><instanceId>{i['id']}</instanceId><imageId>{i['fields'].get('ImageId', '')}</imageId>"
                f"<instanceState><code>0</code><name>{i['state']}</name></instanceState>{reason}"
                f"<instanceType>{i['fields'].get('InstanceType', '')}</instanceType><launchTime>{launched}.000Z</launchTime>"
                + (f"<ipAddress>{address}</ipAddress><privateIpAddress>{private}</privateIpAddress>" if address else "")
                + tag_set(i["tags"]) + "</item>"
            )
        return f"<instancesSet>{text}</instancesSet>"

    def advance(self, instance):
        if instance["state"] == "pending":
            if instance["left"] > 0:
                instance["left"] -= 1
            elif self.machines and instance["reason"]:
                instance["state"] = "terminated"
            elif self.machines and "address" not in instance:
                pass
            elif instance.get("dies"):
                instance["state"] = "terminated"
                instance["reason"] = "Server.InternalError: Internal error on launch"
            else:
                instance["state"] = "running"
        elif instance["state"] == "shutting-down":
            if not self.machines or instance.get("gone"):
                instance["state"] = "terminated"

    def do_DescribeInstances(self, fields):
        wanted = self.listed(fields, "InstanceId")
        for identifier in wanted:
            if identifier not in self.instances or not self.seen(self.instances[identifier]):
                raise Ec2Error("InvalidInstanceID.NotFound", f"The instance ID '{identifier}' does not exist")
        chosen = [self.instances[i] for i in wanted] if wanted else [i for i in self.instances.values() if self.seen(i)]
        for instance in chosen:
            self.advance(instance)
        chosen = [i for i in chosen if self.passes(i, fields)]
        size = int(fields.get("MaxResults", 1000))
        start = int(fields.get("NextToken", 0))
        text = "".join(f"<item>{self.reservation([i])}</item>" for i in chosen[start : start + size])
        more = f"<nextToken>{start + size}</nextToken>" if start + size < len(chosen) else ""
        return f"<reservationSet>{text}</reservationSet>{more}"

    def do_TerminateInstances(self, fields):
        text = ""
        for identifier in self.listed(fields, "InstanceId"):
            if identifier not in self.instances:
                raise Ec2Error("InvalidInstanceID.NotFound", f"The instance ID '{identifier}' does not exist")
        for identifier in self.listed(fields, "InstanceId"):
            instance = self.instances[identifier]
            if self.machines and instance["state"] in ("pending", "running"):
                self.machines.stop(instance)
            if instance["state"] != "terminated":
                instance["state"] = "shutting-down"
                instance["reason"] = "Client.UserInitiatedShutdown: User initiated shutdown"
            text += f"<item><instanceId>{identifier}</instanceId><currentState><name>{instance['state']}</name></currentState></item>"
        return f"<instancesSet>{text}</instancesSet>"

    def do_GetConsoleOutput(self, fields):
        identifier = fields.get("InstanceId")
        if identifier not in self.instances:
            raise Ec2Error("InvalidInstanceID.NotFound", f"The instance ID '{identifier}' does not exist")
        return f"<instanceId>{identifier}</instanceId><output>{base64.b64encode(self.console.encode()).decode()}</output>"

    def do_ImportKeyPair(self, fields):
        name = fields.get("KeyName", "")
        if name in self.keys:
            raise Ec2Error("InvalidKeyPair.Duplicate", f"The keypair '{name}' already exists.")
        material = base64.b64decode(fields.get("PublicKeyMaterial", "")).decode()
        if not re.match(r"(ssh-ed25519|ssh-rsa) ", material):
            raise Ec2Error("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
        self.keys[name] = {"material": material, "tags": self.tags(fields, "key-pair"), "name": name}
        return f"<keyName>{escape(name)}</keyName><keyPairId>{self.identifier('key')}</keyPairId>"

    def do_DescribeKeyPairs(self, fields):
        chosen = [k for k in self.keys.values() if self.passes(k, fields)]
        return "<keySet>" + "".join(
            f"<item><keyName>{escape(k['name'])}</keyName>{tag_set(k['tags'])}</item>" for k in chosen
        ) + "</keySet>"

    def do_DeleteKeyPair(self, fields):
        self.keys.pop(fields.get("KeyName"), None)
        return "<return>true</return>"

    def do_CreateSecurityGroup(self, fields):
        name = fields.get("GroupName", "")
        if any(group["name"] == name for group in self.groups.values()):
            raise Ec2Error("InvalidGroup.Duplicate", f"The security group '{name}' already exists")
        identifier = self.identifier("sg")
        self.groups[identifier] = {
            "id": identifier, "name": name, "tags": self.tags(fields, "security-group"), "rules": [], "unseen": self.invisible,
        }
        return f"<return>true</return><groupId>{identifier}</groupId>"

    def do_AuthorizeSecurityGroupIngress(self, fields):
        group = self.groups.get(fields.get("GroupId"))
        if not group or not self.seen(group):
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{fields.get('GroupId')}' does not exist")
        rule = {k: v for k, v in fields.items() if k.startswith("IpPermissions.")}
        if rule in group["rules"]:
            raise Ec2Error("InvalidPermission.Duplicate", "the specified rule already exists")
        group["rules"].append(rule)
        return "<return>true</return>"

    def do_DescribeSecurityGroups(self, fields):
        chosen = [g for g in self.groups.values() if self.passes(g, fields)]
        return "<securityGroupInfo>" + "".join(
            f"<item><groupId>{g['id']}</groupId><groupName>{escape(g['name'])}</groupName>{tag_set(g['tags'])}</item>" for g in chosen
        ) + "</securityGroupInfo>"

    def do_DeleteSecurityGroup(self, fields):
        identifier = fields.get("GroupId")
        if identifier not in self.groups:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{identifier}' does not exist")
        users = [i for i in self.instances.values() if identifier in i["groups"] and i["state"] != "terminated"]
        for instance in users:
            self.advance(instance)
        if users:
            raise Ec2Error("DependencyViolation", f"resource {identifier} has a dependent object")
        del self.groups[identifier]
        return "<return>true</return>"

    def do_CreateImage(self, fields):
        instance = self.instances.get(fields.get("InstanceId"))
        if not instance or instance["state"] != "running":
            raise Ec2Error("IncorrectInstanceState", "The instance is not in a state from which it can be imaged")
        name = fields.get("Name", "")
        if any(image["name"] == name for image in self.images.values()):
            raise Ec2Error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use")
        identifier, snapshot = self.identifier("ami"), self.identifier("snap")
        self.snapshots[snapshot] = {"tags": self.tags(fields, "snapshot")}
        if self.machines:
            self.machines.save(instance, identifier)
        self.add_image(identifier, name, self.tags(fields, "image"), pending=1, snapshots=[snapshot])
        return f"<imageId>{identifier}</imageId>"

    def do_DescribeImages(self, fields):
        wanted = self.listed(fields, "ImageId")
        for identifier in wanted:
            if identifier not in self.images or not self.seen(self.images[identifier]):
                raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{identifier}]' does not exist")
        chosen = [(k, v) for k, v in self.images.items() if (not wanted or k in wanted) and self.passes(v, fields)]
        if not wanted:
            chosen = [(k, v) for k, v in chosen if self.seen(v)]
        text = ""
        for identifier, image in chosen:
            state = "pending" if image["pending"] > 0 else "available"
            image["pending"] -= 1
            devices = "".join(f"<item><deviceName>/dev/xvda</deviceName><ebs><snapshotId>{s}</snapshotId></ebs></item>" for s in image["snapshots"])
            text += (
                f"<item><imageId>{identifier}</imageId><imageState>{state}</imageState><name>{escape(image['name'])}</name>"
                f"<blockDeviceMapping>{devices}</blockDeviceMapping>{tag_set(image['tags'])}</item>"
            )
        return f"<imagesSet>{text}</imagesSet>"

    def do_DescribeSnapshots(self, fields):
        chosen = [(k, v) for k, v in self.snapshots.items() if self.passes(v, fields)]
        return "<snapshotSet>" + "".join(
            f"<item><snapshotId>{k}</snapshotId><status>completed</status>{tag_set(v['tags'])}</item>" for k, v in chosen
        ) + "</snapshotSet>"

    def do_DeleteTags(self, fields):
        kinds = (self.instances, self.images, self.snapshots, self.groups)
        for identifier in self.listed(fields, "ResourceId"):
            tags = next((kind[identifier]["tags"] for kind in kinds if identifier in kind), None)
            if tags is None:
                raise Ec2Error("InvalidID", f"The ID '{identifier}' is not valid")
            for key in self.listed(fields, "Tag", r"\.Key"):
                tags.pop(key, None)
        return "<return>true</return>"

    def do_DeregisterImage(self, fields):
        if fields.get("ImageId") not in self.images:
            raise Ec2Error("InvalidAMIID.Unavailable", f"The image ID '{fields.get('ImageId')}' is no longer available")
        del self.images[fields["ImageId"]]
        return "<return>true</return>"

    def do_DeleteSnapshot(self, fields):
        identifier = fields.get("SnapshotId")
        if identifier not in self.snapshots:
            raise Ec2Error("InvalidSnapshot.NotFound", f"The snapshot '{identifier}' does not exist.")
        if any(identifier in image["snapshots"] for image in self.images.values()):
            raise Ec2Error("InvalidSnapshot.InUse", f"The snapshot {identifier} is currently in use")
        del self.snapshots[identifier]
        return "<return>true</return>"
