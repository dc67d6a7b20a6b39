"""A network on which containers are the hosts of one job, and which leads nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from podman import podman

HOSTS = ("algo-1", "algo-2")
NETWORK = "test-containers"

Options = dict[str, tuple[str, ...]]


@contextmanager
def network() -> Iterator[Options]:
    """Options of each host's container: its address, and the names of all."""
    podman("network", "rm", "--force", NETWORK)
    podman("network", "create", "--internal", NETWORK)
    (subnet,) = podman("network", "inspect", NETWORK, "--format={{range .Subnets}}{{.Subnet}} {{end}}").split()
    addresses = {host: f"{subnet.rpartition('.')[0]}.{number}" for number, host in enumerate(HOSTS, 11)}
    names = [f"--add-host={host}:{address}" for host, address in addresses.items()]
    try:
        yield {
            host: (f"--network={NETWORK}", f"--ip={address}", f"--hostname={host}", *names)
            for host, address in addresses.items()
        }
    finally:
        podman("network", "rm", "--force", NETWORK)
