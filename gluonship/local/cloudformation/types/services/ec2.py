"""Amazon EC2's networks. They are kept and shown, so that a template with a VPC deploys; nothing is isolated
here: containers are processes on this machine's network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Read,
    Request,
    ResourceType,
    Step,
)
from gluonship.local.cloudformation.types.services import ec2_security_groups
from gluonship.local.cloudformation.types.services.ec2_tags import tags_on
from gluonship.local.cloudformation.types.steps import listed

_IPAM = "addresses are not managed by IPAM here; give the block itself"
_NOTE = "is kept and shown; nothing is isolated here: containers are processes on this machine's network"


def _of(kind: str, **declared: Any) -> ResourceType:
    return ResourceType("ec2", effect="recorded", note=f"AWS::EC2::{kind} {_NOTE}", **declared)


def attribute(operation: str, identity: str, name: str, reset: bool) -> Step:
    """One attribute of a VPC or a subnet, each by a call of its own."""

    def step(change: Change) -> Flow:
        value = reset if change.new is None else change.new
        yield Request(operation, {identity: change.known[identity], name: {"Value": value}})

    return step


# --- VPCs and subnets ------------------------------------------------------------------------------------


def _made_with_it(change: Change) -> Flow:
    """What every VPC has from the start."""
    inside = {"Filters": [{"Name": "vpc-id", "Values": [change.known["VpcId"]]}]}
    groups = yield Request("DescribeSecurityGroups", inside)
    lists = yield Request("DescribeNetworkAcls", inside)
    associations = change.known["CidrBlockAssociationSet"]
    return {
        "DefaultSecurityGroup": groups["SecurityGroups"][0]["GroupId"],
        "DefaultNetworkAcl": lists["NetworkAcls"][0]["NetworkAclId"],
        "CidrBlockAssociations": [each["AssociationId"] for each in associations],
    }


VPC = _of(
    "VPC",
    create=Call("CreateVpc"),
    after_create=_made_with_it,
    delete=Call("DeleteVpc", {"VpcId": "{VpcId}"}),
    read=Read("DescribeVpcs", {"VpcIds": ["{VpcId}"]}, "Vpcs.0"),
    ref="{VpcId}",
    parts={
        "EnableDnsSupport": attribute("ModifyVpcAttribute", "VpcId", "EnableDnsSupport", True),
        "EnableDnsHostnames": attribute("ModifyVpcAttribute", "VpcId", "EnableDnsHostnames", False),
    },
    refused={
        "Ipv4IpamPoolId": _IPAM,
        "Ipv4NetmaskLength": _IPAM,
        "VpcEncryptionControl": "traffic inside a VPC is not encrypted here",
    },
    tagging=tags_on("VpcId"),
    snapshot={
        name: Read("DescribeVpcAttribute", {"VpcId": "{VpcId}", "Attribute": attribute_name})
        for name, attribute_name in (
            ("DnsSupport", "enableDnsSupport"),
            ("DnsHostnames", "enableDnsHostnames"),
        )
    },
)

_NO_IPV6 = "there is no IPv6 in the local cloud's networks"
SUBNET = _of(
    "Subnet",
    create=Call("CreateSubnet"),
    delete=Call("DeleteSubnet", {"SubnetId": "{SubnetId}"}),
    read=Read("DescribeSubnets", {"SubnetIds": ["{SubnetId}"]}, "Subnets.0"),
    ref="{SubnetId}",
    parts={
        "MapPublicIpOnLaunch": attribute("ModifySubnetAttribute", "SubnetId", "MapPublicIpOnLaunch", False)
    },
    recorded={"PrivateDnsNameOptionsOnLaunch": "kept with the stack only; no instance is launched"},
    refused={
        "AssignIpv6AddressOnCreation": _NO_IPV6,
        "EnableDns64": _NO_IPV6,
        "Ipv6CidrBlock": _NO_IPV6,
        "Ipv6Native": _NO_IPV6,
        "Ipv6IpamPoolId": _IPAM,
        "Ipv6NetmaskLength": _IPAM,
        "Ipv4IpamPoolId": _IPAM,
        "Ipv4NetmaskLength": _IPAM,
        "EnableLniAtDeviceIndex": "there is no Outpost here",
        "OutpostArn": "there is no Outpost here",
    },
    tagging=tags_on("SubnetId"),
)

# --- routes ----------------------------------------------------------------------------------------------

INTERNET_GATEWAY = _of(
    "InternetGateway",
    create=Call("CreateInternetGateway", only_fixed=True),
    delete=Call("DeleteInternetGateway", {"InternetGatewayId": "{InternetGatewayId}"}),
    read=Read(
        "DescribeInternetGateways", {"InternetGatewayIds": ["{InternetGatewayId}"]}, "InternetGateways.0"
    ),
    ref="{InternetGatewayId}",
    tagging=tags_on("InternetGatewayId"),
)


def _attach(change: Change) -> Flow:
    members = {"InternetGatewayId": change.new["InternetGatewayId"], "VpcId": change.new["VpcId"]}
    if change.old is not None:
        gone = {"InternetGatewayId": change.old["InternetGatewayId"], "VpcId": change.old["VpcId"]}
        yield Request("DetachInternetGateway", gone, gone_is_fine=True)
    yield Request("AttachInternetGateway", members)
    return {"AttachmentType": "IGW"}


def _detach(change: Change) -> Flow:
    members = {"InternetGatewayId": change.old["InternetGatewayId"], "VpcId": change.old["VpcId"]}
    yield Request("DetachInternetGateway", members, gone_is_fine=True)


GATEWAY_ATTACHMENT = _of(
    "VPCGatewayAttachment",
    create=_attach,
    update=_attach,
    delete=_detach,
    takes=("InternetGatewayId", "VpcId"),
    ref="{AttachmentType}|{VpcId}",
    objection=lambda properties: (
        None if "InternetGatewayId" in properties else "Properties: InternetGatewayId is required here"
    ),
    refused={"VpnGatewayId": "there is no VPN gateway in the local cloud"},
)

ROUTE_TABLE = _of(
    "RouteTable",
    create=Call("CreateRouteTable"),
    delete=Call("DeleteRouteTable", {"RouteTableId": "{RouteTableId}"}),
    read=Read("DescribeRouteTables", {"RouteTableIds": ["{RouteTableId}"]}, "RouteTables.0"),
    ref="{RouteTableId}",
    tagging=tags_on("RouteTableId"),
)

_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


def _delete_route(change: Change) -> Flow:
    given = {name: change.old[name] for name in _DESTINATIONS if name in change.old}
    yield Request("DeleteRoute", {"RouteTableId": change.old["RouteTableId"], **given}, gone_is_fine=True)


def _created_route(change: Change) -> Flow:
    yield Request("CreateRoute", dict(change.new))
    destination = next(change.new[name] for name in _DESTINATIONS if name in change.new)
    return {"CidrBlock": destination}


def _replaced_route(change: Change) -> Flow:
    yield Request("ReplaceRoute", dict(change.new))


_ROUTE_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "CarrierGatewayId",
    "VpcEndpointId",
)
ROUTE = _of(
    "Route",
    create=_created_route,
    update=_replaced_route,
    delete=_delete_route,
    takes=("RouteTableId", *_DESTINATIONS, *_ROUTE_TARGETS),
    refused={
        "LocalGatewayId": "there is no Outpost here",
        "CoreNetworkArn": "there is no core network here",
        "OdbNetworkArn": "there is no database network here",
    },
)


def _associated(change: Change) -> Flow:
    """Associating them again would give the same association."""
    filters = [
        {"Name": "route-table-id", "Values": [change.new["RouteTableId"]]},
        {"Name": "association.subnet-id", "Values": [change.new["SubnetId"]]},
    ]
    answer = yield Request("DescribeRouteTables", {"Filters": filters}, gone_is_fine=True)
    return answer.get("RouteTables")


ASSOCIATION = _of(
    "SubnetRouteTableAssociation",
    create=Call("AssociateRouteTable"),
    must_be_new=_associated,
    delete=Call("DisassociateRouteTable", {"AssociationId": "{AssociationId}"}),
    ref="{AssociationId}",
    attributes={"Id": "{AssociationId}"},
)


# --- what stands at the edge -----------------------------------------------------------------------------


def _allocate(change: Change) -> Flow:
    names = ("Domain", "NetworkBorderGroup", "PublicIpv4Pool")
    return (
        yield Request("AllocateAddress", {name: change.new[name] for name in names if name in change.new})
    )


EIP = _of(
    "EIP",
    create=_allocate,
    delete=Call("ReleaseAddress", {"AllocationId": "{AllocationId}"}),
    read=Read("DescribeAddresses", {"AllocationIds": ["{AllocationId}"]}, "Addresses.0"),
    takes=("Domain", "NetworkBorderGroup", "PublicIpv4Pool"),
    ref="{PublicIp}",
    refused={
        "InstanceId": "no EC2 instance runs here",
        "Address": "an address cannot be chosen here",
        "IpamPoolId": _IPAM,
        "TransferAddress": "addresses are not transferred here",
    },
    tagging=tags_on("AllocationId"),
)

NAT_GATEWAY = _of(
    "NatGateway",
    create=Call("CreateNatGateway"),
    delete=Call("DeleteNatGateway", {"NatGatewayId": "{NatGatewayId}"}),
    read=Read("DescribeNatGateways", {"NatGatewayIds": ["{NatGatewayId}"]}, "NatGateways.0"),
    ref="{NatGatewayId}",
    recorded={"MaxDrainDurationSeconds": "kept with the stack only; no connection passes through"},
    refused=dict.fromkeys(
        (
            "AvailabilityMode",
            "AvailabilityZoneAddresses",
            "SecondaryAllocationIds",
            "SecondaryPrivateIpAddressCount",
            "SecondaryPrivateIpAddresses",
            "VpcId",
        ),
        "only a zonal gateway with one address is kept here",
    ),
    tagging=tags_on("NatGatewayId"),
)


def _modify_endpoint(change: Change) -> Flow:
    members: dict[str, Any] = {"VpcEndpointId": change.known["VpcEndpointId"]}
    for name, add, remove in (
        ("RouteTableIds", "AddRouteTableIds", "RemoveRouteTableIds"),
        ("SubnetIds", "AddSubnetIds", "RemoveSubnetIds"),
        ("SecurityGroupIds", "AddSecurityGroupIds", "RemoveSecurityGroupIds"),
    ):
        new, old = listed(change.new.get(name)), listed(change.old.get(name))
        members[add] = [each for each in new if each not in old]
        members[remove] = [each for each in old if each not in new]
    for name in ("PolicyDocument", "PrivateDnsEnabled"):
        if name in change.new:
            members[name] = change.new[name]
    yield Request("ModifyVpcEndpoint", {name: each for name, each in members.items() if each != []})


VPC_ENDPOINT = _of(
    "VPCEndpoint",
    create=Call("CreateVpcEndpoint"),
    prepare=lambda properties: {"VpcEndpointType": "Gateway", **properties},  # AWS's own default
    update=_modify_endpoint,
    delete=Call("DeleteVpcEndpoints", {"VpcEndpointIds": ["{VpcEndpointId}"]}),
    read=Read("DescribeVpcEndpoints", {"VpcEndpointIds": ["{VpcEndpointId}"]}, "VpcEndpoints.0"),
    ref="{VpcEndpointId}",
    attributes={"Id": "{VpcEndpointId}"},
    refused=dict.fromkeys(
        ("ResourceConfigurationArn", "ServiceNetworkArn", "ServiceRegion", "DnsOptions", "IpAddressType"),
        "only endpoints of AWS's services are kept here",
    ),
    tagging=tags_on("VpcEndpointId"),
)


def _flow_log(change: Change) -> Flow:
    given = {name: each for name, each in change.new.items() if name not in ("ResourceId", "Tags")}
    answer = yield Request("CreateFlowLogs", {**given, "ResourceIds": [change.new["ResourceId"]]})
    return {"Id": answer["FlowLogIds"][0]}


FLOW_LOG = _of(
    "FlowLog",
    create=_flow_log,
    delete=Call("DeleteFlowLogs", {"FlowLogIds": ["{Id}"]}),
    read=Read("DescribeFlowLogs", {"FlowLogIds": ["{Id}"]}, "FlowLogs.0"),
    takes=(
        "ResourceId",
        "ResourceType",
        "TrafficType",
        "LogDestination",
        "LogDestinationType",
        "LogGroupName",
        "LogFormat",
        "DeliverLogsPermissionArn",
        "MaxAggregationInterval",
    ),
    ref="{Id}",
    refused={
        "DeliverCrossAccountRole": "there is one account",
        "DestinationOptions": "no flow is logged here",
        "TagFieldSpecifications": "no flow is logged here",
    },
    tagging=tags_on("Id"),
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::EC2::VPC": VPC,
    "AWS::EC2::Subnet": SUBNET,
    "AWS::EC2::InternetGateway": INTERNET_GATEWAY,
    "AWS::EC2::VPCGatewayAttachment": GATEWAY_ATTACHMENT,
    "AWS::EC2::RouteTable": ROUTE_TABLE,
    "AWS::EC2::Route": ROUTE,
    "AWS::EC2::SubnetRouteTableAssociation": ASSOCIATION,
    "AWS::EC2::EIP": EIP,
    "AWS::EC2::NatGateway": NAT_GATEWAY,
    "AWS::EC2::VPCEndpoint": VPC_ENDPOINT,
    "AWS::EC2::FlowLog": FLOW_LOG,
    **ec2_security_groups.TYPES,
}
